"""Whatever one delivery does, it fails alone: its neighbours are applied in the same step."""

import asyncio
import datetime as dt
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rasl.db import ingests, purging
from rasl.db.pool import Database, Db
from rasl.graph import inbound as graph_inbound
from rasl.graph.changes import Malformed
from rasl.sealing import Sealer
from tests.ingest import posts
from tests.ingest.posts import Post, outbound, status, text
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


async def texts(post: Post) -> list[str]:
    return [row["text"] for row in await post.rows("select text from messages order by id")]


def change(value: Any) -> bytes:
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


def in_number(number: str, **parts: Any) -> bytes:
    return change({"metadata": {"phone_number_id": number}, **parts})


NO_DELIVERIES = [
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"text"',
    b"NaN",
    b"1e999",
    b"-" + b"9" * 400,
    b"9" * 5000,
    b"\xff\xfe\x00",
    b'{"entry": null}',
    b'{"entry": {}}',
    b'{"entry": [null]}',
    b'{"entry": [[]]}',
    b'{"entry": [[[]]]}',
    b'{"entry": [{"id": "1", "changes": [null]}]}',
    b'{"entry": [{"id": "1", "changes": [[]]}]}',
    b'{"entry": [{"id": "1", "changes": {}}]}',
    b'{"entry": [{"id": "1", "changes": [{"field": "messages"}]}]}',
    b'{"entry": [{"id": "1", "changes": [{"field": "messages", "value": [[], null]}]}]}',
    b'{"entry": [], "entry": [null]}',
    b'{"entry": ["\\u0000", "\\ud800"]}',
    b"[" * 900 + b"]" * 900,
    b"[" * 100_000,
    b'{"entry": [{"changes": ' + b"[" * 500 + b"]" * 500 + b"}]}",
]


@pytest.mark.parametrize("raw", NO_DELIVERIES, ids=range(len(NO_DELIVERIES)))
async def test_a_body_that_is_no_delivery_is_set_aside_at_once_and_alone(
    post: Post, world: World, raw: bytes
) -> None:
    await post.put(world.acme, posts.messages(world.acme, text("wamid.1", "before")), raw)
    await post.put(world.acme, posts.messages(world.acme, text("wamid.2", "after")))
    await post.put(world.globex, posts.messages(world.globex, text("wamid.3", "of others")))
    await post.apply()
    assert sorted(await texts(post)) == ["after", "before", "of others"]
    assert await post.value("select count(*) from ingests where applied_at is null or failures > 0") == 0
    assert await post.reasons()


ODD_PARTS: list[Any] = [
    None,
    [],
    [None],
    [[]],
    [[[]], None],
    {"id": None},
    {"id": "wamid.9"},
    {"id": "wamid.9", "status": "sent", "timestamp": 10**400, "pricing": {"x": 10**30, "y": [[1], []]}},
    {"id": "wamid.9", "status": "failed", "timestamp": "-1", "errors": [None, [], {"code": 10**30}]},
    {"id": "wamid.9", "from": "1650", "type": "contacts", "contacts": None},
    {"id": "wamid.8", "from": "1650", "type": "image", "image": [[]]},
    {"id": "wamid.7", "from": "1650", "type": "x" * 300, "timestamp": "9" * 400},
    {"id": "wamid.6", "from": "1650", "type": "hologram", "hologram": 10**30},
    {"id": "wamid.5", "from": "1650", "type": "system", "system": {"type": "user_changed_number", "wa_id": "1" * 4000}},
    {"id": "wamid.4", "from_user_id": "US." + "1" * 500, "type": "text", "text": {"body": ["x"]}},
    {"id": "w" * 4000, "from": "1650", "type": "text", "text": {"body": "x"}},
]  # fmt: skip


@pytest.mark.parametrize("kind", ["messages", "statuses"])
@pytest.mark.parametrize("odd", ODD_PARTS, ids=range(len(ODD_PARTS)))
async def test_an_odd_part_of_a_delivery_leaves_its_neighbours_alone(
    post: Post, world: World, kind: str, odd: Any
) -> None:
    acme = world.acme
    message_id = await outbound(post, acme, wamid="wamid.out")
    parts: dict[str, list[Any]] = {
        "messages": [text("wamid.1", "beside")],
        "statuses": [status("wamid.out", "read")],
    }
    parts[kind] = [odd, *parts[kind]]
    await post.put(acme, in_number(acme.phone_number_id, **parts))
    await post.put(acme, posts.messages(acme, text("wamid.2", "after")))
    await post.apply()
    assert {"beside", "after"} <= set(await texts(post))
    assert await post.value("select status from messages where id = $1", message_id) == "read"
    assert await post.value("select count(*) from ingests where applied_at is null or failures > 0") == 0


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-(10**40), 10**40)
    | st.floats()
    | st.text(st.characters(), max_size=6)
    | st.sampled_from(
        ["messages", "text", "contacts", "wamid.9", "16505551234", "sent", "failed", "1780000000"]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "entry",
                    "changes",
                    "field",
                    "value",
                    "metadata",
                    "phone_number_id",
                    "messages",
                    "statuses",
                    "id",
                    "from",
                    "type",
                    "text",
                    "body",
                    "contacts",
                    "errors",
                    "code",
                    "timestamp",
                    "pricing",
                ]
            )
            | st.text(st.characters(), max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(values=st.lists(json_values, min_size=6, max_size=12))
async def test_no_body_holds_up_the_deliveries_beside_it(
    post: Post, world: World, values: Sequence[Any]
) -> None:
    acme, globex = world.acme, world.globex
    async with post.database.connection() as db:
        await db.execute("truncate ingests, messages, message_wamids, quarantined_changes")
    number = acme.phone_number_id
    message = {"id": "wamid.9", "from": "1650", "type": "contacts"}
    report = {"id": "wamid.9", "status": "failed"}
    shapes: list[Callable[[Any], bytes]] = [
        lambda value: json.dumps(value).encode(),
        lambda value: json.dumps({"entry": value}).encode(),
        lambda value: json.dumps({"entry": [{"id": "1", "changes": [value]}]}).encode(),
        change,
        lambda value: in_number(number, messages=value),
        lambda value: in_number(number, statuses=[value], messages=[value]),
        lambda value: in_number(number, messages=[{**message, "contacts": value}]),
        lambda value: in_number(
            number, statuses=[{**report, "timestamp": value, "errors": value, "pricing": value}]
        ),
        lambda value: json.dumps(
            {"entry": [{"id": "1", "changes": [{"field": value, "value": value}]}]}
        ).encode(),
    ]
    for place, value in enumerate(values):
        await post.put(acme, shapes[place % len(shapes)](value))
        await post.put(acme, posts.messages(acme, text(f"wamid.n{place}", f"neighbour {place}")))
    await post.put(globex, posts.messages(globex, text("wamid.g", "globex")))
    await post.apply()
    expected = {"globex", *(f"neighbour {place}" for place in range(len(values)))}
    assert expected <= set(await texts(post))
    assert await post.value("select max(failures) from ingests") == 0


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

    def break_down(raw: bytes) -> Sequence[graph_inbound.Part | Malformed]:
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
