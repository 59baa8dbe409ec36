import asyncio
import contextlib
import datetime as dt
from typing import Any

import asyncpg
import pytest

from rasl.db import ingests
from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from tests.ingest import posts
from tests.ingest.posts import Post, contact, outbound, status, text
from tests.world import World, create_person

ANA = "16505551234"


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


def moment(at: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(posts.NOON + at, dt.UTC)


async def test_a_text_creates_contact_conversation_and_window(post: Post, world: World) -> None:
    acme = world.acme
    raw = posts.messages(
        acme, text("wamid.1", "Hello", 5, context={"id": "wamid.0"}), contacts=[contact("Ana Maria Lopes")]
    )
    await post.deliver(acme, raw)
    person = await post.row("select * from contacts")
    assert (person["firstname"], person["lastname"], person["phone"]) == ("Ana", "Maria Lopes", f"+{ANA}")
    assert (person["type"], person["status_id"], person["source_id"]) == (
        "lead",
        acme.status_id,
        acme.source_id,
    )
    alias = await post.row("select * from contact_aliases")
    assert (alias["kind"], alias["value"], alias["wa_id"]) == ("phone", ANA, ANA)
    thread = await post.row("select * from conversations")
    assert thread["window_expires_at"] == moment(5) + dt.timedelta(hours=24)
    assert (thread["number_id"], thread["contact_id"]) == (acme.number_id, person["id"])
    row = await post.row("select * from messages")
    assert (row["direction"], row["status"], row["type"], row["text"]) == (
        "inbound",
        "received",
        "text",
        "Hello",
    )
    assert (row["peer"], row["wamid"], row["reply_to"], row["content"]) == (ANA, "wamid.1", "wamid.0", None)
    assert (row["conversation_id"], row["sent_at"]) == (thread["id"], moment(5))
    assert await post.value("select message_id from message_wamids") == row["id"]
    assert await post.value("select contacts from tenant_counters") == 1


async def test_the_window_only_grows(post: Post, world: World) -> None:
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.2", "later", 50)))
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "earlier", 10)))
    expires = await post.value("select window_expires_at from conversations")
    assert expires == moment(50) + dt.timedelta(hours=24)


async def test_a_message_from_the_future_does_not_hold_the_window_open(post: Post, world: World) -> None:
    late = text("wamid.1", "hi") | {"timestamp": "4102444800"}
    await post.deliver(world.acme, posts.messages(world.acme, late))
    assert await post.value("select window_expires_at <= now() + interval '24 hours' from conversations")


async def test_a_repeated_message_is_stored_once(post: Post, world: World) -> None:
    raw = posts.messages(world.acme, text("wamid.1", "Hello"), text("wamid.1", "Hello"))
    await post.deliver(world.acme, raw, raw)
    await post.deliver(world.acme, raw)
    assert await post.value("select count(*) from messages") == 1
    assert await post.value("select count(*) from contacts") == 1
    assert await post.value("select contacts from tenant_counters") == 1


async def test_a_batch_across_tenants_and_numbers(post: Post, world: World, sealer: Sealer) -> None:
    acme, globex = world.acme, world.globex
    initech = await create_person(post.database, sealer, "initech", "306540352242922", "302290129340398")
    shared = "update whatsapp_numbers set app_id = $1 where id = $2"
    async with post.database.connection() as db:
        await db.execute(shared, acme.app_id, initech.number_id)
    both = posts.body(
        (acme, posts.value(acme, messages=[text("wamid.1", "one"), text("wamid.2", "two")])),
        (initech, posts.value(initech, messages=[text("wamid.1", "three")])),
    )
    await post.put(acme, both)
    await post.deliver(globex, posts.messages(globex, text("wamid.1", "four")))
    rows = await post.rows(
        """
        select m.tenant_id, m.text, v.number_id from messages m
        join conversations v on v.tenant_id = m.tenant_id and v.id = m.conversation_id order by m.id
        """
    )
    assert sorted(tuple(row) for row in rows) == sorted(
        [
            (acme.tenant_id, "one", acme.number_id),
            (acme.tenant_id, "two", acme.number_id),
            (initech.tenant_id, "three", initech.number_id),
            (globex.tenant_id, "four", globex.number_id),
        ]
    )
    assert await post.value("select count(*) from contacts") == 3


async def test_messages_of_one_batch_are_in_the_order_of_metas_clock(post: Post, world: World) -> None:
    items = [text(f"wamid.{9 - at}", str(at), at) for at in (3, 1, 2)]
    await post.deliver(world.acme, posts.messages(world.acme, *items))
    assert [row["text"] for row in await post.rows("select text from messages order by id")] == [
        "1",
        "2",
        "3",
    ]


async def test_messages_of_one_second_are_in_the_order_of_their_arrival(post: Post, world: World) -> None:
    album = [text(f"wamid.{9 - place}", str(place)) for place in range(4)]
    later = [text(f"wamid.a{9 - place}", str(place)) for place in range(4, 8)]
    await post.deliver(
        world.acme,
        posts.messages(world.acme, *album),
        posts.body(
            (world.acme, posts.value(world.acme, messages=[later[0]])),
            (world.acme, posts.value(world.acme, messages=later)),
        ),
        posts.messages(world.acme, album[2], album[0]),
    )
    for order in ("id", "created_at, id", "updated_at, id", "sent_at, id"):
        rows = await post.rows(f"select text from messages order by {order}")
        assert [row["text"] for row in rows] == [f"{place}" for place in range(8)]


def card(name: str) -> dict[str, Any]:
    return {"name": {"formatted_name": name, "first_name": name}, "phones": [{"phone": "+1 555 555 5555"}]}


@pytest.mark.parametrize("names", [[], ["Bo"], ["Bo", "Cy"], ["Bo", "Cy", "Di"]])
@pytest.mark.parametrize("has_neighbours", [True, False])
async def test_contact_cards_are_kept_as_the_list_they_are(
    post: Post, world: World, names: list[str], has_neighbours: bool
) -> None:
    cards = [card(name) for name in names]
    base = {"from": ANA, "timestamp": str(posts.NOON), "type": "contacts"}
    items = [{**base, "id": "wamid.1", "contacts": cards}]
    if has_neighbours:
        two = {**base, "id": "wamid.3", "contacts": [card("X"), card("Y")]}
        items += [text("wamid.2", "call one of them"), two]
    await post.deliver(world.acme, posts.messages(world.acme, *items))
    row = await post.row("select * from messages where wamid = 'wamid.1'")
    assert (row["type"], row["content"]) == ("contacts", cards)
    assert all(name in row["text"] for name in names)
    assert await post.value("select count(*) from messages") == len(items)


async def test_an_unknown_number_is_quarantined(post: Post, world: World) -> None:
    value = posts.value(world.acme, messages=[text("wamid.1", "hi")], statuses=[status("wamid.2", "sent")])
    value["metadata"]["phone_number_id"] = "999"
    await post.deliver(world.acme, posts.body((world.acme, value)))
    rows = await post.rows("select * from quarantined_changes order by id")
    assert [row["reason"] for row in rows] == ["no connected number has this phone_number_id"] * 2
    assert {row["phone_number_id"] for row in rows} == {"999"}
    assert rows[0]["change"]["payload"]["text"] == {"body": "hi"}
    assert await post.value("select count(*) from messages") == 0


async def test_one_app_cannot_speak_for_the_number_of_another(post: Post, world: World) -> None:
    message_id = await outbound(post, world.globex, wamid="wamid.2")
    forged = posts.value(
        world.globex, messages=[text("wamid.1", "stop")], statuses=[status("wamid.2", "failed")]
    )
    await post.deliver(world.acme, posts.body((world.globex, forged)))
    assert await post.reasons() == ["the number is connected through another Meta app"] * 2
    assert await post.value("select status from messages where id = $1", message_id) == "sent"
    assert await post.value("select count(*) from contacts") == 0


@pytest.mark.parametrize(
    "raw", [b"not json", b"", b'{"entry": "none"}', b"\xff\xfe\x00", b'{"entry": [{"changes": [{}]}]}']
)
async def test_what_cannot_be_read_is_quarantined(post: Post, world: World, raw: bytes) -> None:
    await post.deliver(world.acme, raw)
    assert len(await post.reasons()) == 1


async def test_group_messages_are_set_aside(post: Post, world: World) -> None:
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "hi", group_id="G1")))
    assert await post.reasons() == ["group messages are not supported yet"]
    assert await post.value("select count(*) from messages") == 0


async def test_other_fields_are_dropped_quietly(post: Post, world: World) -> None:
    raw = posts.body((world.acme, {"event": "APPROVED"}), field="message_template_status_update")
    await post.deliver(world.acme, raw)
    assert await post.reasons() == []


async def test_unstorable_characters_do_not_stop_a_message(post: Post, world: World) -> None:
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "a\x00b \ud83d")))
    assert await post.value("select text from messages") == "a\ufffdb \ufffd"


async def test_media_and_reactions_keep_what_meta_told(post: Post, world: World) -> None:
    base = {"from": ANA, "timestamp": str(posts.NOON)}
    image = {**base, "id": "wamid.1", "type": "image", "image": {"id": "77", "caption": "Look"}}
    reaction = {
        **base,
        "id": "wamid.2",
        "type": "reaction",
        "reaction": {"message_id": "wamid.0", "emoji": "\U0001f44d"},
    }
    await post.deliver(world.acme, posts.messages(world.acme, image, reaction))
    rows = await post.rows("select type, text, content from messages order by wamid")
    assert [row["type"] for row in rows] == ["image", "reaction"]
    assert rows[0]["content"] == {"id": "77", "caption": "Look"}
    assert rows[1]["content"]["message_id"] == "wamid.0"


async def test_nobody_is_refused_for_limits_or_missing_defaults(post: Post, world: World) -> None:
    acme = world.acme
    async with post.database.connection() as db:
        await db.execute(
            "update tenants set plan = 'free', default_status_id = null, default_source_id = null where id = $1",
            acme.tenant_id,
        )
        await db.execute("delete from sources where tenant_id = $1", acme.tenant_id)
        await db.execute("insert into tenant_counters values ($1, 500)", acme.tenant_id)
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "hi")))
    row = await post.row(
        """
        select s.name as source, t.name as status from contacts c
        join sources s on s.tenant_id = c.tenant_id and s.id = c.source_id
        join contact_statuses t on t.tenant_id = c.tenant_id and t.id = c.status_id
        """
    )
    assert tuple(row) == ("WhatsApp", "New")
    assert await post.value("select contacts from tenant_counters") == 501


async def test_a_crash_in_the_middle_loses_nothing(
    post: Post, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme = world.acme
    await post.put(acme, posts.messages(acme, text("wamid.1", "hi")))
    with monkeypatch.context() as patched:

        async def die(*_: object) -> None:
            raise asyncio.CancelledError

        patched.setattr(ingests, "mark_applied", die)
        with pytest.raises(asyncio.CancelledError):
            await post.apply()
    assert await post.value("select count(*) from messages") == 0
    assert await post.apply() == 1
    assert await post.value("select count(*) from messages") == 1


async def test_parallel_workers_neither_deadlock_nor_double(post: Post, world: World) -> None:
    acme, globex = world.acme, world.globex
    for number in range(10):
        await outbound(post, acme, wamid=f"out.{number}", peer=f"1650555{number:04}")
    for number in range(200):
        person = (acme, globex)[number % 2]
        sender = f"1650555{number % 7:04}"
        items = [
            text(f"in.{number // 4}.{place}", "hi", number, sender=f"1650555{(number + place) % 7:04}")
            for place in range(3)
        ]
        value = posts.value(person, messages=[*items, text(f"in.{number}", "hi", number, sender=sender)])
        ladder = [status(f"out.{place}", name) for place in range(10) for name in ("read", "sent")]
        more = posts.value(person, statuses=ladder[:: (1, -1)[number % 3 == 0]])
        await post.put(person, posts.body((person, value), (person, more)))
    workers = [applying.apply_due(post.database, post.sealer, 17) for _ in range(3)]
    while any(await asyncio.gather(*workers)):
        workers = [applying.apply_due(post.database, post.sealer, 17) for _ in range(3)]
    assert await post.value("select count(*) from ingests where applied_at is null or failures > 0") == 0
    assert await post.value("select count(*) from messages where direction = 'inbound'") == 200 + 2 * 50 * 3
    assert await post.value("select count(*) from conversations where contact_id is not null") == 14
    assert await post.value("select count(*) from contacts") == 14
    assert await post.value("select sum(contacts) from tenant_counters") == 14
    assert await post.value("select count(*) from messages where status = 'read'") == 10
    stats = "select deadlocks from pg_stat_database where datname = current_database()"
    assert await post.value(stats) == 0


async def test_large_deliveries_are_taken_a_few_at_a_time(post: Post, world: World) -> None:
    padding = "x" * 900_000
    bodies = [posts.messages(world.acme, text(f"wamid.{number}", padding)) for number in range(5)]
    await post.put(world.acme, *bodies)
    assert [await post.apply() for _ in range(3)] == [3, 2, 0]


async def test_an_outage_is_no_failure_of_a_delivery(post: Post, world: World, dsn: str) -> None:
    await post.put(world.acme, posts.messages(world.acme, text("wamid.1", "hi")))
    connection = await asyncpg.connect(dsn)
    await connection.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity "
        "where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'"
    )
    await connection.close()
    applied = 0
    async with asyncio.timeout(10):
        while not applied:
            # The second is what asyncpg raises on a connection that was killed while it was idle.
            with contextlib.suppress(ServiceUnavailable, asyncpg.InternalClientError):
                applied = await post.apply()
    assert await post.value("select failures from ingests") == 0
    assert await post.value("select count(*) from messages") == 1


@pytest.mark.parametrize("state", ["status = 'suspended'", "subscription_status = 'expired'"])
async def test_what_people_write_is_kept_whatever_their_tenant_may_do(
    post: Post, world: World, database: Database, state: str
) -> None:
    async with database.connection() as db:
        await db.execute(f"update tenants set {state}, limit_overrides = '{{\"contacts\": 0}}'")
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "Are you there?")))
    assert await post.value("select text from messages") == "Are you there?"
    assert await post.value("select contacts from tenant_counters") == 1
