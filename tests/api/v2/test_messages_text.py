"""POST /messages/text, through the door the client uses."""

import asyncio
import io
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.serving import Answer, Api, graph_requests

PHONE = "+44 20 7946 0011"
PATH = "/api/v2/messages/text"


async def rows(database: Database, sql: str, *values: Any) -> list[Any]:
    async with database.connection() as db:
        return list(await db.fetch(sql, *values))


async def test_it_sends_a_text_and_answers_as_the_contract_says(api: Api) -> None:
    answer = await api.acme.send(PHONE, "Hi, your parcel is ready.")
    assert answer.status == 200
    assert answer.body["message"] == "Message sent successfully"
    data = answer.data
    assert data["message_id"].startswith("wamid.")
    assert data == {
        "message_id": data["message_id"],
        "contact_id": data["contact_id"],
        "phone": "442079460011",
        "message": "Hi, your parcel is ready.",
        "status": "sent",
        "sent_at": data["sent_at"],
        "chat_id": data["chat_id"],
        "chat_message_id": data["chat_message_id"],
    }
    assert answer.headers["x-request-id"] == answer.body["meta"]["request_id"]
    [request] = await graph_requests(api)
    assert request["to"] == "442079460011"


async def test_it_creates_the_contact_once_with_the_tenants_defaults(api: Api, database: Database) -> None:
    first, second = await api.acme.send(PHONE), await api.acme.send("442079460011")
    assert first.data["contact_id"] == second.data["contact_id"]
    assert first.data["chat_id"] == second.data["chat_id"]
    [contact] = await rows(database, "select * from contacts")
    assert (contact["type"], contact["firstname"], contact["phone"]) == (
        "lead",
        "442079460011",
        "+442079460011",
    )
    assert contact["status_id"] == api.world.acme.status_id
    assert contact["source_id"] == api.world.acme.source_id


async def test_parallel_sends_to_one_new_number_create_one_contact(api: Api, database: Database) -> None:
    answers = await asyncio.gather(
        *(api.acme.send("+5511987654321" if n % 2 else "+551187654321") for n in range(30))
    )
    assert {answer.status for answer in answers} == {200}
    assert len({answer.data["contact_id"] for answer in answers}) == 1
    [counter] = await rows(database, "select contacts from tenant_counters")
    assert counter["contacts"] == 1


async def test_it_fills_merge_fields_from_the_contact(api: Api, database: Database) -> None:
    contact_id = (await api.acme.send(PHONE)).data["contact_id"]
    await rows(database, "update contacts set firstname = 'Priya', email = null where id = $1", contact_id)
    answer = await api.acme.send(PHONE, "Hi @{contact_first_name}@{contact_email}, @{contact_shoe_size}")
    assert answer.data["message"] == "Hi Priya, @{contact_shoe_size}"


async def test_a_text_that_grows_too_long_by_merging_is_refused(api: Api, database: Database) -> None:
    await api.acme.send(PHONE)
    await rows(database, "update contacts set firstname = repeat('x', 200)")
    answer = await api.acme.send(PHONE, "@{contact_first_name}" * 30)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert len(await rows(database, "select from messages")) == 1


async def test_contact_id_alone_writes_to_the_contacts_own_number(api: Api) -> None:
    contact_id = (await api.acme.send(PHONE)).data["contact_id"]
    answer = await api.acme.post(PATH, {"contact_id": str(contact_id), "message": "again"})
    assert answer.data["phone"] == "442079460011"


WRONG_BODIES = [
    ({}, {"phone": ["Phone number is required"], "message": ["Message is required"]}),
    (
        {"phone": "", "message": "  "},
        {"phone": ["Phone number is required"], "message": ["Message is required"]},
    ),
    (
        {"phone": "call me please", "message": "x"},
        {"phone": ["Phone number may contain only digits, +, -, spaces and parentheses"]},
    ),
    ({"phone": "+44 20", "message": "x"}, {"phone": ["Phone number must be at least 10 characters"]}),
    ({"phone": True, "message": "x"}, {"phone": ["Phone number must be a string"]}),
    (
        {"phone": PHONE, "message": "x" * 4097},
        {"message": ["The message field must not be greater than 4096 characters"]},
    ),
    (
        {"phone": PHONE, "message": "x" * 1_000_000},
        {"message": ["The message field must not be greater than 4096 characters"]},
    ),
    (
        {"phone": PHONE, "message": "a\x00b"},
        {"message": ["The message field must not contain NUL characters"]},
    ),
    (
        {"phone": PHONE, "message": "x", "contact_id": 2**63},
        {"contact_id": ["The contact_id field must be between 1 and 9223372036854775807"]},
    ),
    (
        {"phone": PHONE, "message": "x", "contact_id": "8x"},
        {"contact_id": ["The contact_id field must be an integer"]},
    ),
    (
        {"phone": PHONE, "mesage": "x"},
        {"message": ["Message is required"]},
    ),
]


@pytest.mark.parametrize(("body", "details"), WRONG_BODIES)
async def test_it_names_every_wrong_field_and_stores_nothing(
    api: Api, database: Database, body: dict[str, Any], details: dict[str, list[str]]
) -> None:
    answer = await api.acme.post(PATH, body)
    assert (answer.status, answer.code, answer.details) == (422, "VALIDATION_ERROR", details)
    assert await rows(database, "select from messages union all select from contacts") == []


async def test_a_national_number_needs_the_tenants_country(api: Api, database: Database) -> None:
    refused = await api.acme.send("020 7946 0011")
    assert refused.status == 422
    assert "phone" in refused.details
    await rows(database, "update tenants set default_country = 'GB' where id = $1", api.world.acme.tenant_id)
    answer = await _until_settings_apply(api, "020 7946 0011")
    assert answer.data["phone"] == "442079460011"


async def _until_settings_apply(api: Api, phone: str) -> Answer:
    """Tenant settings are cached for less than a second."""
    for _ in range(100):
        answer = await api.acme.send(phone)
        if answer.status == 200:
            return answer
        await asyncio.sleep(0.02)
    raise AssertionError(answer.body)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "INVALID_JSON"),
        (b"[]", "application/json", 400, "INVALID_JSON"),
        (b"\xff\xfe", "application/json", 400, "INVALID_JSON"),
        (b'{"message": "\\ud800"}', "application/json", 400, "INVALID_JSON"),
        (b"[" * 100_000, "application/json", 400, "INVALID_JSON"),
        (b"phone=1&message=x", "application/x-www-form-urlencoded", 422, "VALIDATION_ERROR"),
        (b"phone=%FF&message=x", "application/x-www-form-urlencoded", 422, "VALIDATION_ERROR"),
        (b"\xff=1", "application/x-www-form-urlencoded", 422, "VALIDATION_ERROR"),
        (b"--x\r\n", "multipart/form-data", 400, "BAD_REQUEST"),
        (b"--y\r\n", "multipart/form-data; boundary=x", 400, "BAD_REQUEST"),
        (b"hello", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b"<a/>", "text/xml", 415, "UNSUPPORTED_MEDIA_TYPE"),
        (b'{"message": "' + b"x" * 1_200_000 + b'"}', "application/json", 413, "PAYLOAD_TOO_LARGE"),
        (b"", "application/json", 422, "VALIDATION_ERROR"),
    ],
)
async def test_a_body_it_cannot_read_is_refused_in_the_envelope(
    api: Api, database: Database, content: bytes, content_type: str, status: int, code: str
) -> None:
    answer = await api.acme.post(PATH, headers={"content-type": content_type}, data=io.BytesIO(content))
    assert (answer.status, answer.code) == (status, code)
    assert await rows(database, "select from messages") == []


async def test_a_strangers_contact_is_no_contact(api: Api, database: Database) -> None:
    theirs = (await api.globex.send(PHONE)).data["contact_id"]
    foreign = await api.acme.post(PATH, {"phone": PHONE, "message": "x", "contact_id": theirs})
    missing = await api.acme.post(PATH, {"phone": PHONE, "message": "x", "contact_id": 999_999})
    assert (foreign.status, foreign.code, foreign.body["error"]) == (404, "NOT_FOUND", missing.body["error"])
    assert len(await rows(database, "select from contacts")) == 1


async def test_an_opted_out_contact_gets_nothing(api: Api, database: Database) -> None:
    contact_id = (await api.acme.send(PHONE)).data["contact_id"]
    await rows(database, "update contacts set is_opted_out = true")
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.code, answer.details) == (
        403,
        "CONTACT_OPTED_OUT",
        {"contact_id": contact_id},
    )
    assert len(await graph_requests(api)) == 1


async def test_another_contacts_id_does_not_get_around_an_opt_out(api: Api, database: Database) -> None:
    await api.acme.send(PHONE)
    other = (await api.acme.send("+442079460012")).data["contact_id"]
    await rows(database, "update contacts set is_opted_out = true where phone = '+442079460011'")
    answer = await api.acme.post(PATH, {"phone": PHONE, "message": "x", "contact_id": other})
    assert (answer.status, answer.code) == (403, "CONTACT_OPTED_OUT")


async def test_it_needs_a_connected_number(api: Api, database: Database) -> None:
    await rows(database, "delete from whatsapp_numbers")
    answer = await api.reader.get("/api/v2/messages")
    assert answer.data == []
    refused = await api.acme.send(PHONE)
    assert (refused.status, refused.code) == (422, "WHATSAPP_NOT_CONFIGURED")


async def test_unknown_numbers_need_the_auto_creation_defaults(api: Api, database: Database) -> None:
    await rows(database, "update tenants set default_source_id = null, default_status_id = null")
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert "default_status_id, default_source_id" in answer.details["phone"][0]


async def test_the_contact_limit_is_exact_under_parallel_sends(api: Api, database: Database) -> None:
    await rows(database, "update plans set max_contacts = 7 where name = 'unlimited'")
    answers = await asyncio.gather(*(api.acme.send(f"+4420794601{n:02}") for n in range(40)))
    assert sorted(answer.status for answer in answers) == [200] * 7 + [403] * 33
    refused = next(answer for answer in answers if answer.status == 403)
    assert refused.code == "FEATURE_LIMIT_EXCEEDED"
    assert refused.details == {"feature": "contacts", "current": 7, "maximum": 7}
    assert len(await rows(database, "select from contacts")) == 7


async def test_the_conversation_limit_counts_one_per_contact_and_day(api: Api, database: Database) -> None:
    await rows(database, "update plans set max_conversations = 2 where name = 'unlimited'")
    statuses = [(await api.acme.send(f"+44207946001{n}")).status for n in (1, 1, 2, 2, 3, 1)]
    assert statuses == [200, 200, 200, 200, 403, 200]
    await rows(database, "update conversations set counted_until = now() - interval '1 second'")
    answer = await api.acme.send(PHONE)
    assert answer.details == {"feature": "conversations", "current": 2, "maximum": 2}


async def test_the_window_policy_may_refuse_before_the_call(api: Api, database: Database) -> None:
    await rows(database, "update tenants set window_policy = 'reject'")
    refused = await api.acme.send(PHONE)
    assert (refused.status, refused.code) == (422, "SERVICE_WINDOW_CLOSED")
    await rows(database, "update conversations set window_expires_at = now() + interval '1 hour'")
    assert (await api.acme.send(PHONE)).status in {200, 422}


async def test_respond_async_answers_before_the_message_is_sent(api: Api, database: Database) -> None:
    answer = await api.acme.send(PHONE, headers={"prefer": "respond-async"})
    assert answer.status == 202
    assert (answer.data["status"], answer.data["message_id"]) == ("queued", None)
    [message] = await rows(database, "select status from messages")
    assert message["status"] == "queued"
    assert await graph_requests(api) == []
