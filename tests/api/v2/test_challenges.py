"""Verification by a message from the user."""

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest

from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.api.v2.codes import AUTH, DIGITS, PHONE, events, rows
from tests.ingest.posts import Post, messages, text
from tests.serving import Answer, Api, Client
from tests.world import Person

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    """Applies what Meta would post."""
    return Post(database, sealer)


async def challenge(client: Client, **fields: Any) -> Any:
    """Make a challenge."""
    answer = await client.post(f"{AUTH}/challenge", fields)
    assert answer.status == 201
    return answer.data


async def found(client: Client, made: Any) -> Any:
    """Ask what became of it."""
    return (await client.get(f"{AUTH}/challenge/{made['id']}")).data


async def write(post: Post, person: Person, words: str, sender: str = DIGITS, wamid: str = "wamid.A") -> None:
    """Let somebody write to the person's number."""
    await post.deliver(person, messages(person, text(wamid, words, sender=sender)))


async def test_a_user_who_sends_the_code_is_verified(api: Api, post: Post, database: Database) -> None:
    made = await challenge(api.acme, phone=PHONE, purpose="login")
    assert (await found(api.acme, made))["status"] == "pending"
    await write(post, api.world.acme, made["text"])
    item = await found(api.acme, made)
    assert (item["status"], item["phone"], item["purpose"]) == ("verified", DIGITS, "login")
    assert item["contact_id"]
    assert item["verified_at"]
    message = (await api.acme.get(f"/api/v2/messages/{item['message_id']}")).data
    assert message["message"] == made["text"]
    assert await events(database) == ["challenge.verified"]
    (event,) = await rows(database, "select payload from events")
    assert event["payload"]["attributes"]["phone"] == DIGITS
    assert made["code"] not in str(event["payload"])


async def test_the_link_and_the_picture_write_the_message(api: Api) -> None:
    made = await challenge(api.acme)
    assert re.fullmatch(r"[2-9A-HJKMNP-TW-Z]{4}-[2-9A-HJKMNP-TW-Z]{4}", made["code"])
    assert made["code"] in made["text"]
    link = urlsplit(made["link"])
    assert (link.scheme, link.netloc, link.path) == ("https", "wa.me", "/15550783881")
    assert parse_qs(link.query) == {"text": [made["text"]]}
    assert ET.fromstring(made["qr_svg"]).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - our own
    assert made["phone"] is None


@pytest.mark.parametrize("shape", ["{}", "{} ", "code: {}!", "test {}", "Hello\n{}\nbye"])
@pytest.mark.parametrize(
    "spelling",
    [str.lower, str.upper, lambda code: code.replace("-", ""), lambda code: code.replace("-", " ")],
)
async def test_the_code_is_found_however_it_is_written(
    api: Api, post: Post, shape: str, spelling: Any
) -> None:
    made = await challenge(api.acme)
    await write(post, api.world.acme, shape.format(spelling(made["code"])))
    assert (await found(api.acme, made))["status"] == "verified"


async def test_without_a_phone_whoever_sends_it_is_verified(api: Api, post: Post) -> None:
    made = await challenge(api.acme)
    await write(post, api.world.acme, made["text"], sender="16505551234")
    assert (await found(api.acme, made))["phone"] == "16505551234"


async def test_with_a_phone_nobody_else_can_do_it(api: Api, post: Post) -> None:
    made = await challenge(api.acme, phone=PHONE)
    await write(post, api.world.acme, made["text"], sender="16505551234")
    assert (await found(api.acme, made))["status"] == "pending"
    await write(post, api.world.acme, made["text"], wamid="wamid.B")
    assert (await found(api.acme, made))["status"] == "verified"


async def test_a_code_sent_to_another_tenant_verifies_nothing(api: Api, post: Post) -> None:
    made = await challenge(api.acme)
    await write(post, api.world.globex, made["text"])
    assert (await found(api.acme, made))["status"] == "pending"


async def test_a_code_sent_to_another_number_of_the_tenant_verifies_nothing(
    api: Api, post: Post, database: Database
) -> None:
    made = await challenge(api.acme)
    await rows(
        database,
        """
        with other as (
            insert into whatsapp_numbers (tenant_id, app_id, waba_id, phone_number_id, access_token_sealed,
                                          verify_token_digest)
            select tenant_id, app_id, waba_id, '306540352242922', access_token_sealed, verify_token_digest
            from whatsapp_numbers where tenant_id = $1 returning id
        )
        update challenges set number_id = other.id from other
        """,
        api.world.acme.tenant_id,
    )
    await write(post, api.world.acme, made["text"])
    assert (await found(api.acme, made))["status"] == "pending"


async def test_a_code_counts_once(api: Api, post: Post, database: Database) -> None:
    made = await challenge(api.acme)
    person = api.world.acme
    first = text("wamid.A", made["text"], sender="16505551111")
    second = text("wamid.B", made["text"], at=1, sender="16505552222")
    await post.deliver(person, messages(person, second, first))
    await write(post, person, made["text"], sender="16505553333", wamid="wamid.C")
    await write(post, person, made["text"], sender="16505551111", wamid="wamid.A")
    assert (await found(api.acme, made))["phone"] == "16505551111"
    assert await events(database) == ["challenge.verified"]


async def test_after_its_time_a_code_counts_no_more(api: Api, post: Post, database: Database) -> None:
    made = await challenge(api.acme)
    await rows(database, "update challenges set expires_at = now()")
    await write(post, api.world.acme, made["text"])
    assert (await found(api.acme, made))["status"] == "expired"


async def test_two_codes_in_one_message_verify_both(api: Api, post: Post) -> None:
    made = [await challenge(api.acme) for _ in range(2)]
    await write(post, api.world.acme, " ".join(item["code"] for item in made))
    assert [(await found(api.acme, item))["status"] for item in made] == ["verified"] * 2


async def test_a_code_is_kept_as_a_keyed_hash_only(api: Api, database: Database) -> None:
    made = await challenge(api.acme)
    again = await api.acme.post(f"{AUTH}/challenge", {}, headers={"idempotency-key": "x"})
    for table in ("challenges", "idempotency_keys", "window_limits"):
        kept = str([row["line"] for row in await rows(database, f"select t::text as line from {table} t")])
        for code in (made["code"], again.data["code"]):
            assert code not in kept
            assert code.replace("-", "") not in kept


@pytest.mark.parametrize("name", ["x", "5b0a8a0e-6c43-4f0c-9d4b-0a6d3f9f2b11", "0"])
async def test_what_is_not_there_is_not_found(api: Api, name: str) -> None:
    assert (await api.acme.get(f"{AUTH}/challenge/{name}")).code == "NOT_FOUND"


async def test_another_tenants_challenge_is_not_there(api: Api) -> None:
    made = await challenge(api.acme)
    assert (await api.globex.get(f"{AUTH}/challenge/{made['id']}")).code == "NOT_FOUND"


async def test_five_challenges_for_one_phone_are_enough(api: Api) -> None:
    async def ask(**fields: Any) -> Answer:
        return await api.acme.post(f"{AUTH}/challenge", fields)

    answers = [await ask(phone=PHONE) for _ in range(6)]
    assert [answer.status for answer in answers] == [201] * 5 + [429]
    assert answers[-1].details["retry_after"] <= 300
    assert (await ask()).status == 201


async def test_a_number_that_does_not_know_itself_cannot_be_written_to(api: Api, database: Database) -> None:
    await rows(database, "update whatsapp_numbers set display_phone_number = null")
    assert (await api.acme.post(f"{AUTH}/challenge", {})).code == "WHATSAPP_NOT_CONFIGURED"


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"phone": "12"}, "phone"),
        ({"purpose": "p" * 51}, "purpose"),
        ({"expiry_minutes": 61}, "expiry_minutes"),
    ],
)
async def test_wrong_fields_are_named(api: Api, fields: dict[str, Any], wrong: str) -> None:
    assert list((await api.acme.post(f"{AUTH}/challenge", fields)).details) == [wrong]
