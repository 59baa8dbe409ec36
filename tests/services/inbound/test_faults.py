"""Whatever one delivery does, it fails alone: its neighbours are applied in the same step."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from rasl.db import ingests, purging
from rasl.db.pool import Database, Db
from rasl.graph import inbound as graph_inbound
from rasl.graph.changes import Malformed, Part
from rasl.sealing import Sealer
from tests.ingest import posts
from tests.ingest.posts import Post, status, text, texts
from tests.world import World

POISON = "poison"


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


@pytest.fixture
async def refusing(post: Post) -> AsyncIterator[None]:
    """A database that refuses one text, whatever else it comes with."""
    async with post.database.connection() as db:
        await db.execute(
            f"""
            create function refuse() returns trigger language plpgsql as
                $$ begin raise exception 'no %', new.text; end $$;
            create trigger refuse before insert on messages for each row
                when (new.text = '{POISON}') execute function refuse()
            """
        )
    yield
    async with post.database.connection() as db:
        await db.execute("drop function refuse() cascade")


async def come_due(post: Post) -> None:
    async with post.database.connection() as db:
        await db.execute("update ingests set due_at = now()")


@pytest.mark.usefixtures("refusing")
async def test_what_the_database_refuses_is_put_off_seen_and_set_aside_alone(
    post: Post, world: World
) -> None:
    acme, globex = world.acme, world.globex
    bad = posts.messages(acme, text("wamid.1", "before"), text("wamid.2", POISON), text("wamid.3", "after"))
    await post.put(acme, *[posts.messages(acme, text(f"wamid.x{number}", "hi")) for number in range(9)], bad)
    await post.put(globex, posts.messages(globex, text("wamid.1", "hi")))
    for failures in range(1, 5):
        assert await post.apply() == (11 if failures == 1 else 1)
        assert await post.value("select count(*) from messages") == 12
        async with post.database.connection() as db:
            (seen,) = await ingests.count_failing(db)
        assert (seen["app_id"], seen["deliveries"], seen["failures"]) == (acme.app_id, 1, failures)
        assert (seen["subdomains"], seen["last_error"]) == (["acme"], "RaiseError: no poison")
        assert seen["lag"] > 0
        assert (
            await post.value("select count(*) from ingests where applied_at is null and due_at > now()") == 1
        )
        assert await post.apply() == 0
        await come_due(post)
    assert await post.apply() == 1
    assert await post.value("select count(*) from ingests where applied_at is null") == 0
    assert await post.reasons() == ["RaiseError: no poison"]
    row = await post.row("select change, ingest_id from quarantined_changes")
    assert row["change"]["wamid"] == "wamid.2"
    async with post.database.connection() as db:
        assert await ingests.count_failing(db) == []
        await db.execute("drop trigger refuse on messages")
        assert await ingests.retry_quarantined(db, None) == 1
    assert await post.apply() == 1
    assert await post.value("select count(*) from messages") == 13
    assert await post.reasons() == []


@pytest.mark.parametrize("error", [RecursionError, MemoryError, ValueError, SystemError])
async def test_what_breaks_its_reader_is_put_off_and_at_last_set_aside_unread(
    post: Post, world: World, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    acme = world.acme
    read = graph_inbound.parse

    def break_down(raw: bytes) -> Sequence[Part | Malformed]:
        if POISON.encode() in raw:
            raise error("\x00\ud800")
        return read(raw)

    monkeypatch.setattr(graph_inbound, "parse", break_down)
    await post.put(acme, posts.messages(acme, text("wamid.1", POISON)))
    await post.put(acme, posts.messages(acme, text("wamid.2", "hi")))
    for failures in range(1, 5):
        await post.apply()
        assert await texts(post) == ["hi"]
        assert await post.value("select failures from ingests where applied_at is null") == failures
        await come_due(post)
    await post.apply()
    assert await post.reasons() == [f"{error.__name__}: \ufffd\ufffd"]
    monkeypatch.undo()
    async with post.database.connection() as db:
        assert await ingests.retry_quarantined(db, None) == 1
    await post.apply()
    assert await texts(post) == ["hi", POISON]


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("broken", ["quarantine", "put_off", "set_aside", "mark_applied"])
async def test_no_step_of_setting_aside_can_hold_up_the_others(
    post: Post, world: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    acme = world.acme
    await post.put(acme, posts.messages(acme, text("wamid.1", POISON)), b"null")
    for _ in range(6):
        await post.apply()
        await come_due(post)
    original = getattr(ingests, broken)

    async def fail(db: Db, what: Any, *rest: Any) -> Any:
        if broken != "mark_applied" or poisoned in what:
            raise TypeError(broken)
        return await original(db, what, *rest)

    await post.put(acme, posts.messages(acme, text("wamid.2", POISON)))
    poisoned = await waiting(post)
    monkeypatch.setattr(ingests, broken, fail)
    for number in range(7):
        await post.put(acme, posts.messages(acme, text(f"wamid.n{number}", f"{number}")))
        await post.apply()
        assert f"{number}" in await texts(post)
        await come_due(post)
    monkeypatch.undo()
    for _ in range(6):
        await post.apply()
        await come_due(post)
    assert await post.value("select count(*) from ingests where applied_at is null") == 0


async def test_a_flood_of_one_app_does_not_hold_up_another(post: Post, world: World) -> None:
    acme, globex = world.acme, world.globex
    flood = [posts.messages(acme, text(f"wamid.{number}", "flood")) for number in range(60)]
    await post.put(acme, *flood, posts.messages(acme, text("wamid.large", "x" * 3_000_000)))
    await post.put(globex, posts.messages(globex, text("wamid.1", "hi")))
    async with post.database.transaction() as db:
        claimed = await ingests.claim_due(db, 20)
    assert [row["app_id"] for row in claimed] == [acme.app_id] * 10 + [globex.app_id]
    assert claimed == sorted(claimed, key=lambda row: row["id"])


@pytest.mark.usefixtures("refusing")
async def test_a_flood_of_poison_is_worked_off_beside_the_others(post: Post, world: World) -> None:
    acme, globex = world.acme, world.globex
    await post.put(acme, *[posts.messages(acme, text(f"wamid.{number}", POISON)) for number in range(40)])
    for number in range(40):
        await post.put(globex, posts.messages(globex, text(f"wamid.{number}", "hi")))
        await post.apply()
        assert await post.value("select count(*) from messages") == number + 1
    assert await post.value("select count(*) from ingests where failures > 0") == 40


async def test_a_lock_that_somebody_keeps_holds_up_only_what_needs_it(post: Post, world: World) -> None:
    acme, globex = world.acme, world.globex
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "hi")))
    await post.put(acme, posts.messages(acme, text("wamid.2", "waits")))
    await post.put(acme, posts.messages(acme, text("wamid.3", "goes", sender="16505550000")))
    await post.put(globex, posts.messages(globex, text("wamid.4", "goes")))
    async with post.database.transaction() as db:
        await db.execute("select from conversations for update")
        await post.apply()
        assert sorted(await texts(post)) == ["goes", "goes", "hi"]
        assert await post.value("select failures from ingests where applied_at is null") == 1
    for _ in range(9):
        async with post.database.connection() as db:
            await ingests.put_off(db, await waiting(post), "LockNotAvailableError: ", dt.timedelta(0))
    await post.apply()
    assert sorted(await texts(post)) == ["goes", "goes", "hi", "waits"]
    assert await post.reasons() == []


async def waiting(post: Post) -> int:
    ingest_id: int = await post.value("select id from ingests where applied_at is null")
    return ingest_id


async def test_an_app_is_in_the_hands_of_one_worker_at_a_time(post: Post, world: World) -> None:
    acme, globex = world.acme, world.globex
    await post.put(acme, posts.messages(acme, text("wamid.1", "first")))
    async with post.database.transaction() as first:
        assert len(await ingests.claim_due(first, 10)) == 1
        await post.put(acme, posts.messages(acme, text("wamid.2", "second")))
        await post.put(globex, posts.messages(globex, text("wamid.3", "of others")))
        async with post.database.transaction() as second:
            assert [row["app_id"] for row in await ingests.claim_due(second, 10)] == [globex.app_id]
    async with post.database.transaction() as db:
        assert len(await ingests.claim_due(db, 10)) == 3


async def test_what_is_set_aside_keeps_its_delivery_until_it_is_gone(post: Post, world: World) -> None:
    await post.deliver(world.acme, b"null", posts.statuses(world.acme, status("wamid.1", "sent")))
    async with post.database.connection() as db:
        await db.execute("update ingests set applied_at = now() - interval '8 days'")
        assert (await purging.drop(db, purging.DELIVERIES, dt.timedelta(days=7), 10)).rows == 1
        await db.execute("delete from quarantined_changes")
        assert (await purging.drop(db, purging.DELIVERIES, dt.timedelta(days=7), 10)).rows == 1


async def test_many_workers_apply_a_burst_of_one_second_in_its_order(post: Post, world: World) -> None:
    acme = world.acme
    applying = asyncio.create_task(asyncio.sleep(0))
    for number in range(60):
        await post.put(acme, posts.messages(acme, text(f"wamid.{99 - number}", f"{number}")))
        if number % 7 == 0:
            await applying
            applying = asyncio.create_task(apply_twice(post))
    await applying
    while await post.apply():
        pass
    for order in ("id", "created_at, id", "updated_at, id", "sent_at, id"):
        rows = await post.rows(f"select text from messages order by {order}")
        assert [row["text"] for row in rows] == [f"{number}" for number in range(60)]


async def apply_twice(post: Post) -> None:
    await asyncio.gather(post.apply(), post.apply())
