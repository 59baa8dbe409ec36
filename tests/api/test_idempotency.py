"""Idempotency-Key on POST: one message, one answer."""

import asyncio
import io

import pytest

from rasl.db.pool import Database
from tests.serving import Api, graph_requests

PHONE = "+442079460011"


async def test_the_same_request_gets_the_first_answer_again(api: Api) -> None:
    first = await api.acme.send(PHONE, headers={"idempotency-key": "order-17"})
    again = await api.acme.send(PHONE, headers={"idempotency-key": "order-17"})
    assert (again.status, again.body) == (first.status, first.body)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-ratelimit-limit"] == "1000000"
    assert len(await graph_requests(api)) == 1


async def test_another_body_under_the_key_is_refused(api: Api) -> None:
    await api.acme.send(PHONE, "one", headers={"idempotency-key": "k"})
    other = await api.acme.send(PHONE, "two", headers={"idempotency-key": "k"})
    assert (other.status, other.code) == (422, "IDEMPOTENCY_KEY_REUSED")
    assert len(await graph_requests(api)) == 1


async def test_sixteen_at_once_make_one_message(api: Api) -> None:
    await api.simulator.post(
        "/_control/faults", {"when": "always", "effect": {"kind": "latency", "seconds": 0.2}}
    )
    answers = await asyncio.gather(
        *(api.acme.send(PHONE, headers={"idempotency-key": "k"}) for _ in range(16))
    )
    assert sorted({answer.status for answer in answers}) == [200, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.code == "IDEMPOTENCY_IN_PROGRESS"
    assert refused.headers["retry-after"] == "1"
    assert len(await graph_requests(api)) == 1


async def test_a_refusal_by_meta_is_an_answer_too(api: Api) -> None:
    await api.simulator.post(
        "/_control/faults", {"when": "always", "effect": {"kind": "error", "code": 131030}}
    )
    first = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    again = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    assert first.code == "MESSAGE_SEND_FAILED"
    assert (again.status, again.body) == (500, first.body)
    assert len(await graph_requests(api)) == 1


async def test_a_key_is_free_again_when_nothing_was_stored(api: Api) -> None:
    wrong = await api.acme.send("123", headers={"idempotency-key": "k"})
    assert wrong.status == 422
    right = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    assert right.status == 200


async def test_keys_of_two_tenants_do_not_meet(api: Api) -> None:
    mine = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    theirs = await api.globex.send(PHONE, headers={"idempotency-key": "k"})
    assert theirs.status == 200
    assert theirs.data["message_id"] != mine.data["message_id"]


@pytest.mark.parametrize("key", ["x" * 256, " "])
async def test_a_key_that_cannot_be_one_is_refused(api: Api, key: str) -> None:
    answer = await api.acme.send(PHONE, headers={"idempotency-key": key})
    assert (answer.status, list(answer.details)) == (422, ["Idempotency-Key"])


async def test_a_key_is_new_after_a_day(api: Api, database: Database) -> None:
    await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    async with database.connection() as db:
        await db.execute("update idempotency_keys set created_at = now() - interval '25 hours'")
    answer = await api.acme.send(PHONE, "another text", headers={"idempotency-key": "k"})
    assert answer.status == 200
    assert "idempotent-replayed" not in answer.headers


async def test_after_a_crash_the_key_leads_to_the_stored_message(api: Api, database: Database) -> None:
    first = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    async with database.connection() as db:
        # As a process leaves it that died after committing the message and before storing its answer.
        await db.execute("update idempotency_keys set status = null, body = null, locked_until = now()")
    again = await api.acme.send(PHONE, headers={"idempotency-key": "k"})
    assert again.status == 200
    assert again.data["chat_message_id"] == first.data["chat_message_id"]
    assert again.data["message_id"] == first.data["message_id"]
    assert len(await graph_requests(api)) == 1


async def test_a_get_pays_no_attention_to_the_key(api: Api) -> None:
    first = await api.acme.get("/api/v2/messages", headers={"idempotency-key": "k"})
    await api.acme.send(PHONE)
    second = await api.acme.get("/api/v2/messages", headers={"idempotency-key": "k"})
    assert (len(first.data), len(second.data)) == (0, 1)


async def test_a_body_over_the_limit_is_not_read_to_its_end_for_its_key(api: Api) -> None:
    body = io.BytesIO(b'{"message": "' + b"x" * 1_100_000 + b'"}')
    headers = {"idempotency-key": "k", "content-type": "application/json"}
    answer = await api.acme.post("/api/v2/messages/text", headers=headers, data=body)
    assert (answer.status, answer.code) == (413, "PAYLOAD_TOO_LARGE")
