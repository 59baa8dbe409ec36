"""One-time passwords over HTTP: every field, every answer, every order of checks."""

import datetime as dt
import itertools
import re
from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import (
    CODE,
    DIGITS,
    PHONE,
    WRONG,
    body_texts,
    connect_templates,
    events,
    payloads,
    resend,
    rows,
    send_otp,
    sent_codes,
    standing,
    verify,
)
from tests.serving import Api
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture(autouse=True)
async def templates(api: Api) -> None:
    await connect_templates(api)


async def test_it_sends_the_code_in_body_and_button_and_never_answers_it(api: Api) -> None:
    answer = await send_otp(api.acme)
    assert answer.data | {"sent_at": "x", "expires_at": "x", "message_id": "x"} == {
        "message_id": "x",
        "contact_id": answer.data["contact_id"],
        "phone": DIGITS,
        "template_name": "copy_code",
        "language": "en",
        "purpose": "authentication",
        "code_sent": True,
        "code_auto_generated": False,
        "expiry_minutes": 10,
        "expires_at": "x",
        "status": "sent",
        "sent_at": "x",
        "chat_id": answer.data["chat_id"],
        "chat_message_id": answer.data["chat_message_id"],
    }
    assert answer.data["message_id"].startswith("wamid.")
    moments = [dt.datetime.fromisoformat(answer.data[name]) for name in ("sent_at", "expires_at")]
    assert moments[1] - moments[0] == dt.timedelta(minutes=10)
    assert CODE not in str(answer.body)
    (content,) = await payloads(api)
    assert content["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": CODE}]},
        {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": CODE}]},
    ]


@pytest.mark.parametrize("name", ["copy_code", "one_tap", "zero_tap"])
async def test_every_kind_of_button_gets_the_code(api: Api, name: str) -> None:
    assert (await send_otp(api.acme, template_name=name)).status == 200
    (content,) = await payloads(api)
    assert content["components"][1]["parameters"] == [{"type": "text", "text": CODE}]


@pytest.mark.parametrize(
    ("fields", "texts"),
    [
        ({"template_name": "bare"}, [CODE]),
        ({"template_name": "with_expiry", "expiry_minutes": 7}, [CODE, "7"]),
        ({"template_name": "with_more", "additional_params": ["door", 3]}, [CODE, "10", "door", "3"]),
        (
            {"template_name": "with_more", "additional_params": ["@{contact_phone}", "x"]},
            [CODE, "10", f"+{DIGITS}", "x"],
        ),
    ],
)
async def test_the_body_is_filled_with_code_expiry_and_what_else_is_given(
    api: Api, fields: dict[str, Any], texts: list[str]
) -> None:
    assert (await send_otp(api.acme, **fields)).status == 200
    (content,) = await payloads(api)
    assert body_texts(content) == texts


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"code": "123"}, "code"),
        ({"code": "12345678901"}, "code"),
        ({"code": "12 34"}, "code"),
        ({"code": "१२३४"}, "code"),
        ({"code": "1234", "auto_generate": True}, "code"),
        ({"phone": "12345"}, "phone"),
        ({"phone": "+44 20 7946 0011 x"}, "phone"),
        ({"phone": "+4420794600110000000000"}, "phone"),
        ({"phone": None}, "phone"),
        ({"template_name": None}, "template_name"),
        ({"language": "a" * 11}, "language"),
        ({"expiry_minutes": 0}, "expiry_minutes"),
        ({"expiry_minutes": 61}, "expiry_minutes"),
        ({"purpose": "p" * 51}, "purpose"),
        ({"code": None, "auto_generate": True, "code_length": 9}, "code_length"),
        ({"additional_params": "x"}, "additional_params"),
        ({"additional_params": ["one too many"], "dry_run": True}, "additional_params"),
        ({"additional_params": ["x", " "], "template_name": "with_more"}, "additional_params"),
        ({"template_name": "with_more"}, "additional_params"),
        ({"template_name": "paused"}, "template_name"),
        ({"template_name": "order"}, "template_name"),
        ({"colour": "red", "dry_run": True}, "colour"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    api: Api, database: Database, fields: dict[str, Any], wrong: str
) -> None:
    code = fields.pop("code", CODE)
    answer = await send_otp(api.acme, code, **fields)
    assert (answer.status, answer.code, list(answer.details)) == (422, "VALIDATION_ERROR", [wrong])
    assert await rows(database, "select from messages") == []
    assert await rows(database, "select from contacts") == []
    assert await rows(database, "select from otps") == []


@pytest.mark.parametrize(
    "fields", [{"template_name": "nothing"}, {"template_name": "german"}, {"contact_id": 999_999_999}]
)
async def test_what_does_not_exist_is_not_found(api: Api, fields: dict[str, Any]) -> None:
    assert (await send_otp(api.acme, **fields)).code == "NOT_FOUND"


async def test_the_language_chooses_the_template(api: Api) -> None:
    assert (await send_otp(api.acme, template_name="german", language="de")).data["language"] == "de"


async def test_a_given_contact_gets_the_message(api: Api) -> None:
    contact_id = (await api.acme.send(PHONE)).data["contact_id"]
    assert (await send_otp(api.acme, contact_id=contact_id)).data["contact_id"] == contact_id


async def test_somebody_who_opted_out_gets_no_code_either(api: Api, database: Database) -> None:
    await api.acme.send(PHONE)
    await rows(database, "update contacts set is_opted_out = true")
    assert (await send_otp(api.acme)).code == "CONTACT_OPTED_OUT"
    assert await rows(database, "select from otps") == []
    assert await rows(database, "select from otp_budgets where sent > 0") == []


async def test_a_code_counts_as_a_conversation_of_the_plan(api: Api, database: Database) -> None:
    await rows(database, "update plans set max_conversations = 0 where name = 'unlimited'")
    phones = (f"+4420794{number}" for number in itertools.count(60_100))

    async def is_refused() -> bool:
        # The plan is remembered for a moment, and a conversation that was counted is free.
        answer = await send_otp(api.acme, phone=next(phones))
        return answer.status == 403 and answer.details["feature"] == "conversations"

    await until(is_refused)


async def test_a_right_code_is_accepted_once(api: Api, database: Database) -> None:
    await send_otp(api.acme)
    answer = await verify(api.acme)
    assert answer.data["phone"] == DIGITS
    assert answer.data["purpose"] == "authentication"
    assert dt.datetime.fromisoformat(answer.data["verified_at"]).tzinfo is not None
    again = await verify(api.acme)
    assert (again.status, again.details) == (422, {"error_code": "OTP_NOT_FOUND"})
    assert "otp.verified" in await events(database)


async def test_a_number_may_be_written_otherwise_when_it_is_verified(api: Api) -> None:
    await send_otp(api.acme)
    assert (await verify(api.acme, phone="0044 (20) 7946-0011")).status == 200


async def test_a_wrong_code_is_told_with_what_remains(api: Api) -> None:
    await send_otp(api.acme)
    answer = await verify(api.acme, WRONG)
    assert answer.body["error"] == {
        "code": "VALIDATION_ERROR",
        "message": "Invalid verification code",
        "details": {"error_code": "INVALID_CODE", "attempts_remaining": 4},
    }
    left = [(await verify(api.acme, WRONG)).details["attempts_remaining"] for _ in range(4)]
    assert left == [3, 2, 1, 0]
    last = await verify(api.acme)
    assert last.details == {"error_code": "MAX_ATTEMPTS_EXCEEDED", "attempts_remaining": 0}


@pytest.mark.parametrize(
    ("field", "text"), [("phone", "Phone number is required"), ("code", "Verification code is required")]
)
async def test_phone_and_code_are_required(api: Api, field: str, text: str) -> None:
    answer = await verify(api.acme, **{field: None}) if field == "phone" else await verify(api.acme, None)  # type: ignore[arg-type]
    assert answer.details == {field: [text]}


EXPIRE = "update otps set expires_at = now()"
EXHAUST = "update otps set attempts = max_attempts"
GONE = "update otps set invalidated_at = now()"
LIMITED = "update window_limits set hits = 10"


@pytest.mark.parametrize(
    ("states", "code", "expected"),
    [
        ([], CODE, None),
        ([], WRONG, "INVALID_CODE"),
        ([EXPIRE], CODE, "OTP_EXPIRED"),
        ([EXPIRE], WRONG, "OTP_EXPIRED"),
        ([EXHAUST], CODE, "MAX_ATTEMPTS_EXCEEDED"),
        ([EXHAUST], WRONG, "MAX_ATTEMPTS_EXCEEDED"),
        ([EXHAUST, EXPIRE], CODE, "MAX_ATTEMPTS_EXCEEDED"),
        ([EXHAUST, EXPIRE], WRONG, "MAX_ATTEMPTS_EXCEEDED"),
        ([GONE], CODE, "OTP_NOT_FOUND"),
        ([GONE, EXHAUST, EXPIRE], WRONG, "OTP_NOT_FOUND"),
        ([LIMITED], CODE, "RATE_LIMIT_EXCEEDED"),
        ([LIMITED], WRONG, "RATE_LIMIT_EXCEEDED"),
        ([LIMITED, GONE], CODE, "RATE_LIMIT_EXCEEDED"),
        ([LIMITED, EXHAUST, EXPIRE], WRONG, "RATE_LIMIT_EXCEEDED"),
    ],
)
async def test_the_checks_come_in_the_order_of_the_contract(
    api: Api, database: Database, states: list[str], code: str, expected: str | None
) -> None:
    await send_otp(api.acme)
    await verify(api.acme, WRONG)
    for state in states:
        await rows(database, state)
    before = [row["attempts"] for row in await rows(database, "select attempts from otps")]
    answer = await verify(api.acme, code)
    if expected is None:
        assert answer.status == 200
    elif expected == "RATE_LIMIT_EXCEEDED":
        assert (answer.status, answer.code) == (429, expected)
        assert 1 <= answer.details["retry_after"] <= 60
        assert answer.headers["retry-after"] == str(answer.details["retry_after"])
    else:
        assert (answer.status, answer.details["error_code"]) == (422, expected)
    after = [row["attempts"] for row in await rows(database, "select attempts from otps")]
    assert after[0] - before[0] == (expected == "INVALID_CODE")


async def test_ten_tries_a_minute_are_heard_and_success_clears_the_count(
    api: Api, database: Database
) -> None:
    await rows(database, "update tenants set otp_max_attempts = 20")
    answers = [(await verify(api.acme, WRONG)).status for _ in range(11)]
    assert answers == [422] * 10 + [429]
    assert (await verify(api.acme, WRONG, phone="+442079460012")).status == 422
    assert (await verify(api.globex, WRONG)).status == 422
    await rows(database, "update window_limits set ends_at = now()")
    assert (await verify(api.acme, WRONG)).status == 422
    await send_otp(api.acme)
    for _ in range(8):
        await verify(api.acme, WRONG)
    await rows(database, "update otps set attempts = 0")
    assert (await verify(api.acme)).status == 200
    assert [(await verify(api.acme, WRONG)).status for _ in range(10)] == [422] * 10


async def test_three_resends_in_five_minutes_are_enough(api: Api, database: Database) -> None:
    answers = [await resend(api.acme) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert 240 <= answers[-1].details["retry_after"] <= 300
    assert (await resend(api.acme, phone="+442079460012")).status == 200
    assert (await resend(api.globex)).status == 200
    await rows(database, "update window_limits set ends_at = now()")
    assert (await resend(api.acme)).status == 200


async def test_resending_makes_a_code_of_six_digits_and_ends_the_one_before(api: Api) -> None:
    first = (await send_otp(api.acme)).data
    answer = await resend(api.acme)
    assert answer.data.keys() == first.keys()
    code = (await sent_codes(api))[1]
    assert len(code) == 6
    assert code.isdecimal()
    assert code not in str(answer.body)
    assert (await verify(api.acme)).details["error_code"] == "INVALID_CODE"
    assert (await verify(api.acme, code)).status == 200


async def test_another_send_ends_the_one_before(api: Api) -> None:
    await send_otp(api.acme, "111111")
    await send_otp(api.acme, "222222")
    assert (await verify(api.acme, "111111")).details["error_code"] == "INVALID_CODE"
    assert (await verify(api.acme, "222222")).status == 200
    assert (await standing(api.acme))["has_active_otp"] is False


@pytest.mark.parametrize("length", [None, 4, 8])
@pytest.mark.parametrize("asked", [{}, {"auto_generate": True}, {"auto_generate": False}])
async def test_the_server_makes_the_code_when_none_is_given(
    api: Api, length: int | None, asked: dict[str, bool]
) -> None:
    fields = {} if length is None else {"code_length": length}
    answer = await send_otp(api.acme, None, **asked, **fields)
    assert (answer.data["code_auto_generated"], "code" in answer.data) == (True, False)
    (code,) = await sent_codes(api)
    assert len(code) == (length or 6)
    assert code.isdecimal()
    # By itself: four digits may well be part of a phone, a time or a request id.
    assert not re.search(rf"(?<![0-9a-f-]){code}(?![0-9a-f-])", str(answer.body))
    assert (await verify(api.acme, code)).status == 200


async def test_each_purpose_has_a_code_of_its_own(api: Api) -> None:
    await send_otp(api.acme, "111111", purpose="login")
    await send_otp(api.acme, "222222", purpose="payment")
    assert (await verify(api.acme, "111111")).details["error_code"] == "OTP_NOT_FOUND"
    assert (await verify(api.acme, "111111", purpose="payment")).details["error_code"] == "INVALID_CODE"
    assert (await verify(api.acme, "111111", purpose="login")).data["purpose"] == "login"
    assert (await standing(api.acme, purpose="payment"))["verification_attempts"] == 1
    assert (await verify(api.acme, "222222", purpose="payment")).status == 200


async def test_another_tenant_knows_nothing_of_a_code(api: Api) -> None:
    await send_otp(api.acme)
    assert (await verify(api.globex)).details["error_code"] == "OTP_NOT_FOUND"
    assert (await standing(api.globex))["has_active_otp"] is False
    await send_otp(api.globex, "222222")
    assert (await verify(api.globex)).details["error_code"] == "INVALID_CODE"
    assert (await standing(api.acme))["verification_attempts"] == 0
    assert (await verify(api.acme)).status == 200
