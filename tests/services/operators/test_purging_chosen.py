"""Retention that tenants chose: shorter than the server's, and for nobody else; and that of the audit."""

from pathlib import Path

import pytest

from rasl.db.pool import Database
from rasl.media_store.folder import FolderStore
from rasl.services.ground import audit
from rasl.services.ground.audit import Actor, Change
from rasl.services.operators import purging
from rasl.services.operators.purging import Ground
from rasl.settings import Settings
from tests.api.v2.codes import rows
from tests.services.past import store_message, store_rows
from tests.world import World

FOREVER = Settings(message_days=0, status_days=0, attempt_days=0, otp_days=0, media_days=0)


@pytest.fixture
def ground(database: Database, tmp_path: Path) -> Ground:
    return Ground(database, FolderStore(tmp_path / "media"))


async def choose(database: Database, tenant_id: int, **days: int) -> None:
    await rows(database, "update tenants set retention_days = $2 where id = $1", tenant_id, days)


async def taken(ground: Ground, settings: Settings = FOREVER) -> dict[str, int]:
    """Drop what is due, having told the same before."""
    told = await purging.survey(ground, settings)
    assert await purging.run(ground, settings) == told
    return {outcome.name: outcome.amount.rows for outcome in told if outcome.amount.rows}


@pytest.mark.parametrize("batch", [1, 500])
async def test_messages_go_by_the_time_of_their_tenant_alone(
    ground: Ground, world: World, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "_MESSAGES", batch)
    for person in (world.acme, world.globex):
        for age in (5, 9, 12, 30):
            await store_message(ground.database, person, age)
    await choose(ground.database, world.acme.tenant_id, messages=10)
    assert await taken(ground) == {"messages_of_tenants": 2}
    left = await rows(
        ground.database, "select tenant_id, count(*) as count from messages group by tenant_id order by 1"
    )
    assert [row["count"] for row in left] == [2, 4]
    assert len(await rows(ground.database, "select from conversations")) == 6
    assert await taken(ground) == {}


async def test_one_time_passwords_go_by_the_time_of_their_tenant(ground: Ground, world: World) -> None:
    for person in (world.acme, world.globex):
        await store_rows(ground.database, person, 1, 3)
    await choose(ground.database, world.globex.tenant_id, otps=2)
    gone = await taken(ground)
    assert gone["otps_of_tenants"] == 1
    left = await rows(ground.database, "select tenant_id from otps")
    assert sorted(row["tenant_id"] for row in left) == [
        world.acme.tenant_id,
        world.acme.tenant_id,
        world.globex.tenant_id,
    ]


@pytest.mark.parametrize(("kind", "is_named"), [("media", True), ("unused_media", False)])
async def test_files_go_by_the_time_of_their_tenant(
    ground: Ground, world: World, tmp_path: Path, kind: str, is_named: bool
) -> None:
    for person in (world.acme, world.globex):
        for name, age in ((f"{person.tenant_id}/aa/{'a' * 64}", 1), (f"{person.tenant_id}/bb/{'b' * 64}", 9)):
            path = tmp_path / "media" / name
            path.parent.mkdir(parents=True)
            path.write_bytes(b"x")
            await _note_file(ground.database, person.tenant_id, name, age, is_named=is_named)
    await choose(ground.database, world.acme.tenant_id, **{kind: 5})
    assert await taken(ground, Settings(media_days=0)) == {f"{kind}_of_tenants": 1}
    left = await rows(ground.database, "select tenant_id from media order by tenant_id")
    assert [row["tenant_id"] for row in left].count(world.acme.tenant_id) == 1
    assert len(left) == 3
    assert len(await ground.store.page("", 10)) == 3


async def _note_file(database: Database, tenant_id: int, key: str, age: int, *, is_named: bool) -> None:
    await rows(
        database,
        """
        insert into media (tenant_id, kind, mime_type, size, sha256, origin, is_voice, store_key, is_named, needed_at)
        values ($1, 'image', 'image/png', 1, convert_to($2, 'UTF8'), 'file', false, $2, $3,
                now() - make_interval(days => $4))
        """,
        tenant_id,
        key,
        is_named,
        age,
    )


async def test_the_audit_goes_by_its_setting_and_stays_without_one(ground: Ground, world: World) -> None:
    for _ in range(3):
        async with ground.database.transaction() as db:
            change = Change(world.acme.tenant_id, Actor("operator", name="ada"), "note.changed", "note")
            await audit.record(db, change)
    await rows(
        ground.database,
        """
        insert into audit_log (tenant_id, action, subject, actor_type, actor, created_at)
        values ($1, 'note.changed', 'note', 'operator', 'ada', now() - interval '400 days')
        """,
        world.acme.tenant_id,
    )
    assert await taken(ground) == {}
    assert await taken(ground, Settings(audit_days=365)) == {"audit": 1}
    assert len(await rows(ground.database, "select from audit_log")) == 3
