"""Whatever a body is, it fails alone, and what can be read of it is applied."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.ingest import posts
from tests.ingest.posts import Post, outbound, status, text, texts
from tests.world import World


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


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
