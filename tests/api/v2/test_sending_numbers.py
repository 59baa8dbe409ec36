"""Which of several numbers a message goes out from, through the door the client uses."""

from collections.abc import Callable
from typing import Any

import pytest

from rasl.db import numbers
from rasl.db.pool import Database
from rasl.sealing import Sealer
from tests.api.v2 import codes, templated
from tests.api.v2.media_calls import form, uploads
from tests.api.v2.numbered import ABROAD, OTHER_WABA, SECOND, connect, senders
from tests.api.v2.received import receive
from tests.api.v2.test_messages_text import PHONE, rows
from tests.samples import PNG
from tests.serving import Api
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("second")
FIRST = "106540352242922"
MESSAGES = "/api/v2/messages"
UNKNOWN = {"from_phone_number_id": ["The account has no WhatsApp number with this phone_number_id"]}
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "text": ("text", {"message": "Hello"}),
    "location": ("location", {"latitude": 1.5, "longitude": 2.5}),
    "contacts": ("contacts", {"contacts": [{"name": {"formatted_name": "Ana"}}]}),
    "interactive": ("interactive", {"type": "button", "body_text": "?", "buttons": [{"id": "y", "title": "Yes"}]}),
    "template": ("template", {"template_name": "order_update", "language": "en_GB", "field_1": "a", "field_2": "b"}),
}  # fmt: skip


@pytest.fixture
async def second(api: Api, database: Database, sealer: Sealer) -> int:
    """Acme's second number, of the same account as its first."""
    return await connect(api, database, sealer)


async def _conversation(api: Api, phone_number_id: str = SECOND) -> dict[str, Any]:
    """Write to somebody from a number."""
    answer = await api.acme.post(
        f"{MESSAGES}/text", {"phone": PHONE, "message": "Hi", "from_phone_number_id": phone_number_id}
    )
    assert answer.status == 200, answer.body
    return dict(answer.data)


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("given", [SECOND, int(SECOND), f" {SECOND} "])
async def test_every_send_goes_out_from_the_number_it_names(api: Api, kind: str, given: object) -> None:
    await templated.have(api, templated.ORDER)
    path, body = BODIES[kind]
    answer = await api.acme.post(
        f"{MESSAGES}/{path}", {"phone": PHONE, "from_phone_number_id": given, **body}
    )
    assert answer.status == 200, answer.body
    assert await senders(api) == [SECOND]


async def test_media_are_uploaded_and_sent_from_the_number_they_name(api: Api) -> None:
    fields = {"phone": PHONE, "media_type": "image", "from_phone_number_id": SECOND}
    answer = await api.acme.post(f"{MESSAGES}/media", data=form(PNG, **fields))
    assert answer.status == 200, answer.body
    assert await senders(api) == [SECOND]
    [upload] = await uploads(api)
    assert SECOND in upload["path"]


@pytest.mark.parametrize("path", ["send-otp", "resend"])
async def test_codes_go_out_from_the_number_they_name(api: Api, path: str) -> None:
    await codes.connect_templates(api)
    body = {"phone": PHONE, "template_name": "copy_code", "from_phone_number_id": SECOND}
    body |= {"code": codes.CODE} if path == "send-otp" else {}
    answer = await api.acme.post(f"{codes.AUTH}/{path}", body)
    assert answer.status == 200, answer.body
    assert await senders(api) == [SECOND]


async def test_without_one_it_is_the_number_connected_first_until_another_is_chosen(
    api: Api, database: Database
) -> None:
    await api.acme.send(PHONE)
    await api.acme.send(PHONE, headers={"idempotency-key": "a"})
    async with database.connection() as db:
        assert await numbers.choose_default(db, api.world.acme.tenant_id, SECOND)

    async def is_known() -> bool:
        answer = await api.acme.post(f"{MESSAGES}/text", {"phone": PHONE, "message": "Hi", "dry_run": True})
        return bool(answer.data["number"]["phone_number_id"] == SECOND)

    await until(is_known)
    await api.acme.send(PHONE)
    await _conversation(api, FIRST)
    assert await senders(api) == [FIRST, FIRST, SECOND, FIRST]


async def test_the_default_falls_back_to_the_first_when_its_number_is_gone(
    database: Database, api: Api, second: int
) -> None:
    tenant_id = api.world.acme.tenant_id
    async with database.transaction() as db:
        assert await numbers.choose_default(db, tenant_id, SECOND)
        await db.execute("delete from whatsapp_numbers where id = $1", second)
        assert [row["is_default"] for row in await numbers.list_all(db, tenant_id)] == [True]


async def test_a_strangers_number_cannot_be_made_the_default(api: Api, database: Database) -> None:
    async with database.connection() as db:
        for phone_number_id in (api.world.globex.phone_number_id, "1", ""):
            assert not await numbers.choose_default(db, api.world.acme.tenant_id, phone_number_id)


async def test_conversations_are_kept_apart_by_number(api: Api) -> None:
    first = (await api.acme.send(PHONE)).data
    other = await _conversation(api)
    assert first["contact_id"] == other["contact_id"]
    assert first["chat_id"] != other["chat_id"]


Reply = Callable[[Any], tuple[str, dict[str, Any]]]
REPLIES: dict[str, Reply] = {
    "text": lambda name: ("text", {"phone": PHONE, "message": "Yes", "context": {"message_id": name}}),
    "reaction": lambda name: ("reaction", {"message_id": name, "emoji": "👍"}),
    "location": lambda name: ("location", BODIES["location"][1] | {"phone": PHONE, "context": {"message_id": name}}),
    "template": lambda name: ("template", BODIES["template"][1] | {"phone": PHONE, "context": {"message_id": name}}),
    "read": lambda name: (f"{name}/read", {}),
}  # fmt: skip


@pytest.mark.parametrize("kind", REPLIES)
@pytest.mark.parametrize("of", ["id", "wamid"])
async def test_what_answers_a_received_message_goes_by_the_number_it_came_in_on(
    api: Api, database: Database, kind: str, of: str
) -> None:
    await templated.have(api, templated.ORDER)
    chat = await _conversation(api)
    message_id = await receive(database, chat["chat_id"])
    path, body = REPLIES[kind](message_id if of == "id" else "wamid.IN/BOUND+1=")
    answer = await api.acme.post(f"{MESSAGES}/{path}", body)
    assert answer.status == 200, answer.body
    assert answer.data["chat_id"] == chat["chat_id"]
    assert await senders(api) == [SECOND, SECOND]


@pytest.mark.parametrize("kind", ["text", "reaction"])
async def test_what_answers_a_message_of_ours_goes_by_the_number_it_went_out_from(
    api: Api, kind: str
) -> None:
    chat = await _conversation(api)
    path, body = REPLIES[kind](chat["message_id"])
    answer = await api.acme.post(f"{MESSAGES}/{path}", body | {"from_phone_number_id": SECOND})
    assert answer.status == 200, answer.body
    assert await senders(api) == [SECOND, SECOND]


async def test_media_that_answer_go_by_the_number_of_the_message(api: Api, database: Database) -> None:
    message_id = await receive(database, (await _conversation(api))["chat_id"])
    fields = {"phone": PHONE, "media_type": "image", "context[message_id]": str(message_id)}
    answer = await api.acme.post(f"{MESSAGES}/media", data=form(PNG, **fields))
    assert answer.status == 200, answer.body
    assert await senders(api) == [SECOND, SECOND]


@pytest.mark.parametrize("kind", ["text", "reaction", "template"])
async def test_a_number_that_contradicts_the_message_is_refused_and_named(
    api: Api, database: Database, kind: str
) -> None:
    await templated.have(api, templated.ORDER)
    message_id = await receive(database, (await _conversation(api))["chat_id"])
    path, body = REPLIES[kind](message_id)
    answer = await api.acme.post(f"{MESSAGES}/{path}", body | {"from_phone_number_id": FIRST})
    assert (answer.status, list(answer.details)) == (422, ["from_phone_number_id"])
    assert SECOND in answer.details["from_phone_number_id"][0]
    assert await senders(api) == [SECOND]


@pytest.mark.parametrize("number", ["206540352242922", "1", "abc", 7, "9" * 40])
async def test_a_strangers_number_is_as_unknown_as_one_that_is_none(
    api: Api, database: Database, number: object
) -> None:
    await templated.have(api, templated.ORDER)
    for path, body in BODIES.values():
        wrong = {"phone": PHONE, "from_phone_number_id": number, **body}
        answer = await api.acme.post(f"{MESSAGES}/{path}", wrong)
        assert (answer.status, answer.details) == (422, UNKNOWN), path
    otp = {"phone": PHONE, "template_name": "copy_code", "code": "123456", "from_phone_number_id": number}
    told = {"template_name": ["Template not found"]}  # all that is wrong is named at once
    assert (await api.acme.post(f"{codes.AUTH}/send-otp", otp)).details == UNKNOWN | told
    fields = {"phone": PHONE, "media_type": "image", "from_phone_number_id": str(number)}
    assert (await api.acme.post(f"{MESSAGES}/media", data=form(PNG, **fields))).details == UNKNOWN
    assert await senders(api) == []
    assert await rows(database, "select from media") == []


async def test_every_wrong_field_is_named_at_once(api: Api) -> None:
    wrong = {"phone": "07700 900123", "context": {"message_id": 999}, "from_phone_number_id": "1"}
    answer = await api.acme.post(f"{MESSAGES}/text", {**wrong, "message": "Hi"})
    assert (answer.status, set(answer.details)) == (422, {"phone", "context", "from_phone_number_id"})
    fields = {"phone": "12", "media_type": "nothing", "from_phone_number_id": "1"}
    answer = await api.acme.post(f"{MESSAGES}/media", data=form(PNG, **fields))
    assert set(answer.details) == {"phone", "media_type", "from_phone_number_id"}


async def test_an_empty_one_says_nothing(api: Api) -> None:
    for given in ("", None, "  "):
        body = {"phone": PHONE, "message": "Hi", "from_phone_number_id": given}
        assert (await api.acme.post(f"{MESSAGES}/text", body)).status == 200
    assert await senders(api) == [FIRST] * 3


async def test_the_account_of_the_number_must_have_the_template(
    api: Api, database: Database, sealer: Sealer
) -> None:
    await connect(api, database, sealer, ABROAD, OTHER_WABA)
    await templated.have(api, templated.ORDER)
    path, body = BODIES["template"]
    answer = await api.acme.post(
        f"{MESSAGES}/{path}", {"phone": PHONE, "from_phone_number_id": ABROAD, **body}
    )
    assert (answer.status, answer.code) == (404, "NOT_FOUND")
    assert "languages" not in answer.details
    assert answer.details["from_phone_number_id"] == [FIRST, SECOND]
    await templated.register(api, templated.ORDER, waba_id=OTHER_WABA)
    assert (await api.acme.post("/api/v2/templates/sync")).status == 200
    answer = await api.acme.post(
        f"{MESSAGES}/{path}", {"phone": PHONE, "from_phone_number_id": ABROAD, **body}
    )
    assert answer.status == 200, answer.body
    assert await senders(api) == [ABROAD]


async def test_the_fallback_is_bound_to_the_account_of_the_number_that_answers(
    api: Api, database: Database, sealer: Sealer
) -> None:
    await connect(api, database, sealer, ABROAD, OTHER_WABA)
    await templated.register(api, templated.ORDER, waba_id=OTHER_WABA)
    await api.acme.post("/api/v2/templates/sync")
    fallback = {"template_name": "order_update", "language": "en_GB", "field_1": "a", "field_2": "b"}
    body = {"phone": PHONE, "message": "Hi", "fallback_template": fallback}
    assert (await api.acme.post(f"{MESSAGES}/text", body)).status == 404
    answer = await api.acme.post(f"{MESSAGES}/text", {**body, "from_phone_number_id": ABROAD})
    assert answer.status == 200, answer.body
    assert await senders(api) == [ABROAD]


async def test_a_queued_message_leaves_from_the_number_it_named(
    api: Api, database: Database, second: int
) -> None:
    body = {"phone": PHONE, "message": "Hi", "from_phone_number_id": SECOND}
    answer = await api.acme.post(f"{MESSAGES}/text", body, headers={"prefer": "respond-async"})
    assert answer.status == 202
    [job] = await rows(database, "select queue_id from jobs")
    assert job["queue_id"] == second
