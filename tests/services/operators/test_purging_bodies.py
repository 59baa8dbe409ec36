"""What messages say goes, and what is billed stays; nothing that still has to be sent is touched."""

from pathlib import Path

import pytest

from rasl.db.pool import Database
from rasl.media_store.folder import FolderStore
from rasl.services.operators import purging
from rasl.services.operators.purging import Ground
from rasl.settings import Settings
from tests.api.v2.codes import rows
from tests.services.past import store_message
from tests.serving import Api
from tests.world import World

TEN_DAYS = Settings(message_body_days=10, attempt_days=0, status_days=0)
FOR_EVER = Settings(attempt_days=0, status_days=0)
_TEMPLATE = {
    "name": "hello",
    "language": "en",
    "version_id": 4,
    "components": [{"text": "Dear Ada"}],
    "body": "…",
}


@pytest.fixture
def ground(database: Database, tmp_path: Path) -> Ground:
    return Ground(database, FolderStore(tmp_path / "media"))


async def taken(ground: Ground, settings: Settings = TEN_DAYS) -> dict[str, int]:
    """Drop what is due, having told the same before."""
    told = await purging.survey(ground, settings)
    assert await purging.run(ground, settings) == told
    return {outcome.name: outcome.amount.rows for outcome in told if outcome.amount.rows}


async def left(database: Database) -> list[int]:
    """Return the messages that still say something."""
    return [
        row["id"]
        for row in await rows(database, "select id from messages where text is not null order by id")
    ]


@pytest.mark.parametrize("batch", [1, 2, 500])
async def test_a_body_goes_once_and_the_rest_of_the_message_stays(
    ground: Ground, world: World, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_MESSAGES", batch)
    for person in (world.acme, world.globex):
        for age in (30, 12, 11, 5):
            await store_message(ground.database, person, age)
    await rows(ground.database, "update messages set text = 'Dear Ada' returning id")
    before = await rows(ground.database, "select * from messages order by id")
    assert await taken(ground) == {"message_bodies": 6}
    after = await rows(ground.database, "select * from messages order by id")
    gone = [new for new in after if new["body_dropped_at"] is not None]
    assert [row["text"] for row in gone] == [None] * 6
    for old, new in zip(before, after, strict=True):
        hidden = {"text": None, "content": None, "body_dropped_at": None}
        assert dict(old) | hidden == dict(new) | hidden
    assert await taken(ground) == {}
    assert len(await left(ground.database)) == 2


async def test_of_a_template_its_name_stays_and_its_values_go(ground: Ground, world: World) -> None:
    message_id = await store_message(ground.database, world.acme, 11)
    await rows(
        ground.database,
        "update messages set type = 'template', content = $2 where id = $1 returning id",
        message_id,
        _TEMPLATE,
    )
    assert await taken(ground) == {"message_bodies": 1}
    [row] = await rows(ground.database, "select content from messages")
    assert row["content"] == {"name": "hello", "language": "en", "version_id": 4}


async def test_what_still_has_to_go_out_keeps_its_body_until_it_has(ground: Ground, world: World) -> None:
    waiting = [
        await store_message(ground.database, world.acme, 30, status)
        for status in ("queued", "sending", "unknown")
    ]
    settled = await store_message(ground.database, world.acme, 11)
    await rows(ground.database, "update messages set text = 'Dear Ada' returning id")
    assert await taken(ground) == {"message_bodies": 1}
    assert await left(ground.database) == waiting
    assert settled not in waiting
    await rows(ground.database, "update messages set status = 'sent' returning id")
    assert await taken(ground) == {}, "tried again within the hour"
    await rows(ground.database, "update bodies_left set due_at = now() returning message_id")
    assert await taken(ground) == {"message_bodies_of_tenants": 3}
    assert await left(ground.database) == []
    assert await rows(ground.database, "select from bodies_left") == []


async def test_a_message_that_somebody_holds_is_come_back_to(ground: Ground, world: World) -> None:
    await store_message(ground.database, world.acme, 11)
    await rows(ground.database, "update messages set text = 'Dear Ada' returning id")
    async with ground.database.transaction() as db:
        await db.execute("select from messages for update")
        await purging.run(ground, TEN_DAYS)
    assert len(await left(ground.database)) == 1
    await rows(ground.database, "update bodies_left set due_at = now() returning message_id")
    assert await taken(ground) == {"message_bodies_of_tenants": 1}


async def test_tenants_choose_a_time_of_their_own(ground: Ground, world: World) -> None:
    for person in (world.acme, world.globex):
        await store_message(ground.database, person, 11)
    await rows(
        ground.database,
        "update tenants set retention_days = $2 where id = $1 returning id",
        world.acme.tenant_id,
        {"message_bodies": 10},
    )
    assert await taken(ground, FOR_EVER) == {"message_bodies_of_tenants": 1}
    dropped = await rows(ground.database, "select tenant_id from messages where body_dropped_at is not null")
    assert [row["tenant_id"] for row in dropped] == [world.acme.tenant_id]


async def test_the_api_says_that_a_body_is_gone(api: Api, ground: Ground) -> None:
    sent = (await api.acme.send("+442079460011", "Dear Ada")).data
    path = f"/api/v2/messages/{sent['chat_message_id']}"
    assert (await api.acme.get(path)).data["body_dropped_at"] is None
    await rows(
        ground.database,
        "update messages set status = 'sent', created_at = now() - interval '11 days' returning id",
    )
    await rows(ground.database, "delete from jobs returning 1")
    assert (await taken(ground))["message_bodies"] == 1
    [item] = (await api.acme.get("/api/v2/messages")).data
    shown = (await api.acme.get(path)).data
    for told in (item, shown):
        assert (told["message"], told["type"], told["status"]) == (None, "text", "sent")
        assert told["body_dropped_at"]
