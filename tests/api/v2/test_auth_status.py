"""What is told of one-time passwords afterwards: status, answers again, templates, events."""

import hashlib
import json

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import (
    AUTH,
    CODE,
    DIGITS,
    PHONE,
    WRONG,
    body_texts,
    connect_templates,
    events,
    payloads,
    rows,
    send_otp,
    standing,
    verify,
)
from tests.serving import Api

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture(autouse=True)
async def templates(api: Api) -> None:
    await connect_templates(api)


async def test_the_status_tells_what_stands_and_consumes_nothing(api: Api) -> None:
    await send_otp(api.acme)
    await verify(api.acme, WRONG)
    first = await standing(api.acme)
    assert first["has_active_otp"] is True
    assert first["is_expired"] is False
    assert (first["verification_attempts"], first["max_attempts"], first["attempts_remaining"]) == (1, 5, 4)
    assert 0 < first["expires_in_seconds"] <= 600
    assert first["message"]["status"] in {"sent", "delivered", "read"}
    for _ in range(12):
        assert (await standing(api.acme))["verification_attempts"] == 1
    assert (await verify(api.acme)).status == 200


async def test_an_expired_code_is_still_reported(api: Api, database: Database) -> None:
    await send_otp(api.acme)
    await rows(database, "update otps set expires_at = now() - interval '90 seconds'")
    found = await standing(api.acme)
    assert found["has_active_otp"] is True
    assert found["is_expired"] is True
    assert -95 <= found["expires_in_seconds"] <= -90


async def test_without_a_code_the_status_says_so(api: Api) -> None:
    answer = await api.acme.post(f"{AUTH}/status", {"phone": PHONE})
    assert (answer.status, answer.data) == (200, {"has_active_otp": False, "message": "No active OTP found"})


async def test_a_code_that_whatsapp_refuses_is_failed_and_says_why(api: Api, database: Database) -> None:
    await api.simulator.post(
        "/_control/faults", {"when": {"next": 1}, "effect": {"kind": "error", "code": 131026, "via": "sync"}}
    )
    assert (await send_otp(api.acme)).code == "MESSAGE_SEND_FAILED"
    found = (await standing(api.acme))["message"]
    assert (found["status"], found["error_code"]) == ("failed", 131026)
    assert found["failed_reason"]
    assert await events(database) == ["otp.failed"]


async def test_what_whatsapp_quotes_of_the_code_is_masked(api: Api, database: Database) -> None:
    quoted = {"message": f"Bad parameter {CODE}", "code": 100, "error_data": {"details": f"text {CODE}"}}
    body = json.dumps({"error": quoted})
    effect = {"kind": "custom", "http": 400, "body": body, "content_type": "application/json"}
    await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": effect})
    answer = await send_otp(api.acme)
    assert answer.code == "MESSAGE_SEND_FAILED"
    assert CODE not in str(answer.body)
    (attempt,) = await rows(database, "select * from message_attempts")
    assert "******" in attempt["details"]
    assert CODE not in str(dict(attempt))


async def test_a_dry_run_shows_the_payload_with_the_code_masked(api: Api, database: Database) -> None:
    answer = await send_otp(api.acme, dry_run=True)
    assert answer.data["would_send"] is True
    assert body_texts(answer.data["payload"]["template"]) == ["******"]
    assert CODE not in str(answer.body)
    assert await payloads(api) == []
    assert await rows(database, "select from otps") == []


async def test_a_repeated_request_is_answered_again_and_sends_nothing(api: Api, database: Database) -> None:
    key = {"idempotency-key": "order-1"}
    first = await send_otp(api.acme, headers=key)
    again = await send_otp(api.acme, headers=key)
    assert again.body == first.body
    assert again.headers["idempotent-replayed"] == "true"
    assert len(await payloads(api)) == 1
    other = await send_otp(api.acme, "555555", headers=key)
    assert other.code == "IDEMPOTENCY_KEY_REUSED"
    assert len(await rows(database, "select from otps")) == 1


async def test_the_fingerprint_of_a_request_does_not_give_its_code_away(api: Api, database: Database) -> None:
    body = json.dumps({"phone": PHONE, "template_name": "copy_code", "code": CODE}).encode()
    headers = {"idempotency-key": "x", "content-type": "application/json"}
    answer = await api.acme.call("POST", f"{AUTH}/send-otp", data=body, headers=headers)
    assert answer.status == 200
    (row,) = await rows(database, "select fingerprint, body from idempotency_keys")
    for hashed in (body, f"POST {AUTH}/send-otp\n".encode() + body, CODE.encode()):
        assert hashlib.sha256(hashed).digest() != row["fingerprint"]
    assert CODE.encode() not in row["body"]


async def test_the_templates_that_can_carry_a_code_are_listed(api: Api) -> None:
    answer = await api.acme.get(f"{AUTH}/templates?per_page=100")
    assert [item["template_name"] for item in answer.data] == [
        "bare",
        "copy_code",
        "german",
        "one_tap",
        "with_expiry",
        "with_more",
        "zero_tap",
    ]
    assert answer.data[4] | {"id": 1, "created_at": "x"} == {
        "id": 1,
        "template_name": "with_expiry",
        "language": "en",
        "body_text": "{{1}} is your code. It ends in {{2}} minutes.",
        "body_params_count": 2,
        "header_format": "NONE",
        "header_text": None,
        "footer_text": None,
        "status": "APPROVED",
        "created_at": "x",
    }


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("filter[language]=de", ["german"]),
        ("filter[template_name]=bare", ["bare"]),
        ("search=It ends in", ["with_expiry"]),
        ("q=_tap", ["one_tap", "zero_tap"]),
        ("sort=-template_name&per_page=1", ["zero_tap"]),
        ("sort=language&per_page=1", ["german"]),
    ],
)
async def test_the_list_of_templates_is_searched_and_sorted(api: Api, query: str, names: list[str]) -> None:
    answer = await api.acme.get(f"{AUTH}/templates?{query}")
    assert [item["template_name"] for item in answer.data] == names


async def test_the_events_of_a_code_are_told_once_each(api: Api, database: Database) -> None:
    await send_otp(api.acme)
    assert await events(database) == ["otp.sent"]
    await verify(api.acme)
    assert await events(database) == ["otp.sent", "otp.verified"]
    (event,) = await rows(database, "select payload from events where type = 'otp.sent'")
    assert event["payload"]["attributes"]["phone"] == DIGITS
    assert event["payload"]["attributes"]["message"]["status"] == "sent"
    assert CODE not in str(event["payload"])
