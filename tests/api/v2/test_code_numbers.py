"""Codes given as numbers, which have lost their leading zeros, at one of both calls or at both."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import AUTH, PHONE, connect_templates, rows, sent_codes
from tests.serving import Answer, Api

CODES: list[tuple[Any, str, list[Any], list[Any]]] = [
    # What is sent, what the person reads, what is right then, and what is wrong.
    (482913, "482913", ["482913", 482913, " 482913 "], ["48291", 482914]),
    (2913, "002913", ["002913", 2913, "2913"], ["012913", 12913]),
    ("2913", "2913", ["2913", 2913], ["002913", 29130]),
    ("0123", "0123", ["0123", 123], ["000123", 1230]),
    ("012345", "012345", ["012345", 12345], ["12346", 112345]),
    (0, "000000", ["000000", 0, "0"], [1, "0000000"]),
    (12345678, "12345678", [12345678, "12345678"], [2345678]),
    ("K3Y9", "K3Y9", ["K3Y9"], ["k3y9", "00K3Y9"]),
]


async def _send(api: Api, code: Any) -> Answer:
    body = {"phone": PHONE, "template_name": "copy_code", "code": code}
    return await api.acme.post(f"{AUTH}/send-otp", body)


async def _verify(api: Api, code: Any) -> Answer:
    return await api.acme.post(f"{AUTH}/verify", {"phone": PHONE, "code": code})


@pytest.mark.parametrize(("given", "shown", "right", "wrong"), CODES, ids=[repr(case[0]) for case in CODES])
async def test_a_number_is_right_for_what_it_may_have_been(
    api: Api, database: Database, given: Any, shown: str, right: list[Any], wrong: list[Any]
) -> None:
    await connect_templates(api)
    for code in right:
        await rows(database, "delete from window_limits")
        assert (await _send(api, given)).data["code_auto_generated"] is False
        assert (await sent_codes(api))[-1] == shown
        for left, guess in enumerate(reversed(wrong)):
            answer = await _verify(api, guess)
            # One attempt each, however it may be read.
            assert answer.details == {"error_code": "INVALID_CODE", "attempts_remaining": 4 - left}, guess
        assert (await _verify(api, code)).status == 200, code
        assert (await _verify(api, code)).details["error_code"] == "OTP_NOT_FOUND"


@pytest.mark.parametrize("code", [-1234, 1234.5, True, [482913], {"a": 1}, 12345678901])
async def test_what_is_no_code_is_refused(api: Api, code: Any) -> None:
    await connect_templates(api)
    answer = await _send(api, code)
    assert (answer.status, list(answer.details)) == (422, ["code"])
