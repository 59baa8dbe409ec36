"""Who wrote: one contact for all that a person is known by, and whether they want to be written to."""

import datetime as dt
from typing import Any

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from rasl.services.contacts import people
from tests.ingest import posts
from tests.ingest.posts import Post, contact, text
from tests.services.inbound.test_applying import ANA, moment
from tests.world import World

BSUID = "US.13491208655302741918"


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


def system(wamid: str, kind: str, at: int = 0, sender: str | None = ANA, **parts: Any) -> dict[str, Any]:
    item = {
        "id": wamid,
        "timestamp": str(posts.NOON + at),
        "type": "system",
        "system": {"type": kind, **parts},
    }
    return item if sender is None else {**item, "from": sender}


@pytest.mark.parametrize(
    ("inbound_digits", "known_key"), [("5511987654321", "5511987654321"), ("551187654321", "5511987654321")]
)
async def test_spellings_of_one_line_are_one_contact(
    post: Post, world: World, inbound_digits: str, known_key: str
) -> None:
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "oi", sender="5511987654321")))
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.2", "oi", sender=inbound_digits)))
    alias = await post.row("select value, wa_id from contact_aliases")
    assert tuple(alias) == (known_key, inbound_digits)
    assert await post.value("select count(*) from contacts") == 1


async def test_an_account_has_words_of_its_own_for_leaving(post: Post, world: World) -> None:
    async with post.database.connection() as db:
        await db.execute(
            "update tenants set stop_words = '{halt}', start_words = '{weiter}' where id = $1",
            world.acme.tenant_id,
        )
    opted_out = "select is_opted_out from contacts where tenant_id = $1"
    for number, (word, is_out) in enumerate(
        [("stop", False), ("Halt!", True), ("start", True), (" WEITER", False)]
    ):
        raw = posts.messages(world.acme, text(f"wamid.{number}", word, at=number))
        await post.deliver(world.acme, raw)
        assert await post.value(opted_out, world.acme.tenant_id) is is_out, word
    await post.deliver(world.globex, posts.messages(world.globex, text("wamid.9", "stop")))
    assert await post.value(opted_out, world.globex.tenant_id) is True


async def test_a_person_without_a_phone(post: Post, world: World) -> None:
    raw = posts.messages(
        world.acme, text("wamid.1", "hola", sender=None, bsuid=BSUID), contacts=[contact("Ana", None, BSUID)]
    )
    await post.deliver(world.acme, raw)
    person = await post.row("select firstname, lastname, phone from contacts")
    assert tuple(person) == ("Ana", "", None)
    assert await post.value("select peer from messages") == BSUID
    assert tuple(await post.row("select kind, value, wa_id from contact_aliases")) == ("bsuid", BSUID, None)


async def test_a_phone_that_turns_up_later_is_added(post: Post, world: World) -> None:
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.1", "a", sender=None, bsuid=BSUID)))
    await post.deliver(world.acme, posts.messages(world.acme, text("wamid.2", "b", bsuid=BSUID)))
    assert await post.value("select phone from contacts") == f"+{ANA}"
    assert await post.value("select count(*) from contact_aliases") == 2


async def test_one_stranger_under_several_aliases_in_one_batch(post: Post, world: World) -> None:
    items = [
        text("wamid.1", "a", 1, sender=None, bsuid=BSUID),
        text("wamid.2", "b", 2),
        text("wamid.3", "c", 3, bsuid=BSUID),
    ]
    await post.deliver(world.acme, posts.messages(world.acme, *items))
    assert await post.value("select count(*) from contacts") == 1
    assert await post.value("select count(distinct conversation_id) from messages") == 1
    assert await post.value("select contacts from tenant_counters") == 1


async def test_twins_are_merged_when_a_message_shows_they_are_one(post: Post, world: World) -> None:
    acme = world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "a", 1, sender=None, bsuid=BSUID)))
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "stop", 2)))
    assert await post.value("select count(*) from contacts") == 2
    await post.deliver(acme, posts.messages(acme, text("wamid.3", "c", 3, bsuid=BSUID)))
    person = await post.row("select * from contacts")
    assert (person["phone"], person["is_opted_out"]) == (f"+{ANA}", True)
    assert (
        await post.value(
            "select count(*) from messages where conversation_id = (select id from conversations)"
        )
        == 3
    )
    thread = await post.row("select * from conversations")
    assert thread["contact_id"] == person["id"]
    assert thread["window_expires_at"] == moment(3) + dt.timedelta(hours=24)
    assert await post.value("select count(*) from contact_aliases where contact_id = $1", person["id"]) == 2
    assert await post.value("select contacts from tenant_counters") == 1


async def test_merging_keeps_conversations_with_different_numbers(post: Post, world: World) -> None:
    acme = world.acme
    async with post.database.connection() as db:
        second = await db.fetchval(
            """
            insert into whatsapp_numbers (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                          verify_token_digest)
            values ($1, $2, '1', '777', '', '') returning id
            """,
            acme.tenant_id,
            acme.app_id,
        )
    elsewhere = posts.value(acme, messages=[text("wamid.1", "a", sender=None, bsuid=BSUID)])
    elsewhere["metadata"]["phone_number_id"] = "777"
    await post.deliver(acme, posts.body((acme, elsewhere)))
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "b")))
    first, other = (row["id"] for row in await post.rows("select id from contacts order by id"))
    assert await people.merge(post.database, acme.tenant_id, first, other)
    assert not await people.merge(post.database, acme.tenant_id, first, other)
    rows = await post.rows("select number_id, contact_id from conversations")
    assert {tuple(row) for row in rows} == {(acme.number_id, other), (second, other)}


async def test_a_changed_number_leads_to_the_same_contact(post: Post, world: World) -> None:
    acme = world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "a", 1)))
    moved = system("wamid.2", "user_changed_number", 2, wa_id="16505559999", user_id=BSUID)
    await post.deliver(acme, posts.messages(acme, moved))
    await post.deliver(acme, posts.messages(acme, text("wamid.3", "b", 3, sender="16505559999", bsuid=BSUID)))
    assert await post.value("select phone from contacts") == "+16505559999"
    aliases = await post.rows("select kind, value, wa_id from contact_aliases order by kind, value")
    assert [tuple(row) for row in aliases] == [
        ("bsuid", BSUID, None),
        ("phone", ANA, "16505559999"),
        ("phone", "16505559999", "16505559999"),
    ]
    assert await post.value("select count(*) from messages") == 3


async def test_a_changed_user_id_leads_to_the_same_contact(post: Post, world: World) -> None:
    acme = world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "a", sender=None, bsuid="US.1")))
    change = system("wamid.2", "user_changed_user_id", 1, None, previous_user_id="US.1", user_id="US.2")
    await post.deliver(acme, posts.messages(acme, {**change, "from_user_id": "US.2"}))
    await post.deliver(acme, posts.messages(acme, text("wamid.3", "b", sender=None, bsuid="US.2")))
    assert await post.value("select count(*) from contacts") == 1
    assert await post.value("select count(distinct conversation_id) from messages") == 1


async def test_a_system_note_opens_no_window(post: Post, world: World) -> None:
    note = system("wamid.1", "user_changed_number", wa_id="16505559999")
    await post.deliver(world.acme, posts.messages(world.acme, note))
    assert await post.value("select window_expires_at from conversations") is None


async def consent(post: Post) -> bool:
    answer: bool = await post.value("select is_opted_out from contacts")
    return answer


async def test_stop_and_start(post: Post, world: World) -> None:
    acme = world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.1", " Stop. ", 1)))
    person = await post.row("select is_opted_out, opted_out_at from contacts")
    assert tuple(person) == (True, moment(1))
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "please do not stop", 2)))
    assert await consent(post)
    await post.deliver(acme, posts.messages(acme, text("wamid.3", "START", 3)))
    person = await post.row("select is_opted_out, opted_out_at from contacts")
    assert tuple(person) == (False, None)


async def test_an_old_stop_that_comes_late_does_not_win(post: Post, world: World) -> None:
    acme = world.acme
    await post.deliver(acme, posts.messages(acme, text("wamid.2", "start", 20)))
    await post.deliver(acme, posts.messages(acme, text("wamid.1", "stop", 10)))
    assert not await consent(post)
    shuffled = [text("wamid.5", "stop", 50), text("wamid.3", "stop", 30), text("wamid.4", "start", 40)]
    await post.deliver(acme, posts.messages(acme, *shuffled))
    assert await consent(post)


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("button", {"payload": "bye", "text": "Unsubscribe"}),
        ("interactive", {"type": "button_reply", "button_reply": {"id": "1", "title": "STOP"}}),
    ],
)
async def test_a_stop_button_stops(post: Post, world: World, kind: str, payload: dict[str, Any]) -> None:
    item = {"id": "wamid.1", "from": ANA, "timestamp": str(posts.NOON), "type": kind, kind: payload}
    await post.deliver(world.acme, posts.messages(world.acme, item))
    assert await consent(post)
