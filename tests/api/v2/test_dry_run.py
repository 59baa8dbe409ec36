"""`dry_run` and `context`, which every send takes, shown on texts."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.test_messages_text import PATH, PHONE, rows
from tests.serving import Answer, Api, graph_requests


async def _send(api: Api, **body: Any) -> Answer:
    return await api.acme.post(PATH, {"phone": PHONE, "message": "Hi @{contact_first_name|there}", **body})


async def test_a_dry_run_shows_the_payload_and_stores_and_sends_nothing(api: Api, database: Database) -> None:
    answer = await _send(api, dry_run=True)
    assert answer.status == 200
    data = answer.data
    assert data["would_send"] is True
    assert data["problems"] == []
    assert data["phone"] == "442079460011"
    assert data["contact"] == {"id": None, "would_be_created": True}
    assert data["service_window"] == {"is_open": False, "expires_at": None, "policy": "pass"}
    assert data["consent"] == {"is_opted_out": False}
    assert data["plan"]["contacts"]["would_count"] is True
    assert data["plan"]["conversations"]["would_count"] is True
    assert data["payload"]["to"] == "+442079460011"
    assert data["payload"]["text"] == {"body": "Hi there", "preview_url": False}
    assert await graph_requests(api) == []
    for table in ("contacts", "messages", "conversations", "jobs"):
        assert await rows(database, f"select 1 from {table}") == []


async def test_a_dry_run_has_the_payload_that_is_sent(api: Api) -> None:
    tried = (await _send(api, dry_run=True)).data["payload"]
    await _send(api)
    [sent] = await graph_requests(api)
    assert tried.keys() == sent["body"].keys()
    own = "biz_opaque_callback_data"
    assert {**tried, own: 0} == {**sent["body"], own: 0}


async def test_a_dry_run_names_everything_that_speaks_against_sending(api: Api, database: Database) -> None:
    await rows(database, "update plans set max_conversations = 1")
    await _send(api)
    await rows(database, "update contacts set is_opted_out = true")
    await rows(database, "update conversations set counted_until = null")
    answer = await _send(api, dry_run=True, message="@{contact_email}")
    assert answer.data["would_send"] is False
    assert [item["code"] for item in answer.data["problems"]] == [
        "CONTACT_OPTED_OUT",
        "VALIDATION_ERROR",
        "FEATURE_LIMIT_EXCEEDED",
    ]
    assert answer.data["consent"] == {"is_opted_out": True}
    assert answer.data["payload"] is None


async def test_a_dry_run_with_a_key_keeps_no_answer(api: Api) -> None:
    key = {"Idempotency-Key": "try-1"}
    body = {"phone": PHONE, "message": "Hi", "dry_run": True}
    for _ in range(2):
        answer = await api.acme.post(PATH, body, headers=key)
        assert answer.status == 200
        assert "idempotent-replayed" not in answer.headers


async def test_a_dry_run_of_a_missing_contact_is_not_found(api: Api) -> None:
    answer = await _send(api, dry_run=True, contact_id=987654)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


@pytest.mark.parametrize("field", ["chat_message_id", "message_id"])
async def test_a_message_quotes_another_by_either_of_its_ids(api: Api, field: str) -> None:
    first = await _send(api)
    await _send(api, context={"message_id": first.data[field]})
    assert (await graph_requests(api))[1]["body"]["context"] == {"message_id": first.data["message_id"]}


@pytest.mark.parametrize("name", [1, "wamid.nothing", "words", 2**70])
async def test_a_quoted_message_must_exist(api: Api, name: int | str) -> None:
    answer = await _send(api, context={"message_id": name})
    assert (answer.status, list(answer.details)) == (422, ["context"])


async def test_a_strangers_message_cannot_be_quoted(api: Api) -> None:
    first = await _send(api)
    for field in ("chat_message_id", "message_id"):
        body = {"phone": PHONE, "message": "Hi", "context": {"message_id": first.data[field]}}
        answer = await api.globex.post(PATH, body)
        assert (answer.status, answer.details) == (
            422,
            {"context": ["The message to reply to does not exist"]},
        )


async def test_a_quoted_message_must_be_of_the_same_conversation(api: Api) -> None:
    first = await _send(api)
    answer = await _send(api, phone="+442079460099", context={"message_id": first.data["message_id"]})
    assert (answer.status, answer.details) == (
        422,
        {"context": ["The message belongs to another conversation"]},
    )
