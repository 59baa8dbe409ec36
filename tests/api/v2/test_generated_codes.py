"""Codes that the server makes: told in an answer where the tenant wants it so, and nowhere else."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import (
    AUTH,
    PHONE,
    connect_templates,
    resend,
    rows,
    send_otp,
    sent_codes,
    verify,
)
from tests.serving import Answer, Api

SHOWS = "update tenants set otp_return_generated_code = true where subdomain = 'acme'"


@pytest.fixture
async def shows(api: Api, database: Database) -> None:
    # Before the first call: what a process knows of a tenant it knows for a moment.
    await rows(database, SHOWS)
    await connect_templates(api)


async def _send_template(api: Api, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    body = {"phone": PHONE, "template_name": "copy_code", "language": "en", **fields}
    return await api.acme.post("/api/v2/messages/template", body, headers=headers)


async def _send(api: Api, way: str, headers: dict[str, str] | None = None) -> Answer:
    if way == "template":
        return await _send_template(api, headers, auto_generate_otp=True)
    body = {"phone": PHONE, "template_name": "copy_code"}
    return await api.acme.post(f"{AUTH}/{way}", body, headers=headers)


WAYS = ("send-otp", "resend", "template")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("shows")
async def test_the_answer_shows_the_code_that_was_made(api: Api, way: str) -> None:
    answer = await _send(api, way)
    [code] = await sent_codes(api)
    assert (answer.data["code_auto_generated"], answer.data["code"]) == (True, code)
    assert (await verify(api.acme, code)).status == 200


@pytest.mark.parametrize("way", WAYS)
async def test_it_does_not_unless_the_tenant_wants_it(api: Api, way: str) -> None:
    await connect_templates(api)
    answer = await _send(api, way)
    [code] = await sent_codes(api)
    assert answer.data["code_auto_generated"] is True
    assert "code" not in answer.data
    assert code not in str(answer.body)


@pytest.mark.usefixtures("shows")
async def test_a_setting_of_one_tenant_is_none_of_another(api: Api) -> None:
    assert "code" not in (await send_otp(api.globex, None)).data


@pytest.mark.usefixtures("shows")
async def test_a_code_that_was_given_is_never_shown(api: Api) -> None:
    for answer in (await send_otp(api.acme, "482913"), await _send_template(api, field_1="482913")):
        assert answer.data["code_auto_generated"] is False
        assert "482913" not in str(answer.body)


@pytest.mark.usefixtures("shows")
async def test_a_template_without_a_code_says_nothing_of_one(api: Api) -> None:
    answer = await _send_template(api, template_name="order", field_1="7")
    assert answer.data.keys() & {"code", "code_auto_generated"} == set()


@pytest.mark.parametrize("prefer", [{}, {"prefer": "respond-async"}])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.usefixtures("shows")
async def test_an_idempotency_key_brings_back_everything_but_the_code(
    api: Api, database: Database, way: str, prefer: dict[str, str]
) -> None:
    headers = {"idempotency-key": f"code-{way}", **prefer}
    first = await _send(api, way, headers)
    code = first.data.pop("code")
    again = await _send(api, way, headers)
    assert again.headers["idempotent-replayed"] == "true"
    assert (again.status, again.data) == (first.status, first.data)
    [row] = await rows(database, "select convert_from(body, 'utf8') as body from idempotency_keys")
    assert code not in row["body"]
    assert (await verify(api.acme, code)).status == 200


@pytest.mark.usefixtures("shows")
async def test_a_request_that_died_after_it_stored_the_message_is_answered_without_the_code(
    api: Api, database: Database
) -> None:
    headers = {"idempotency-key": "died"}
    code = (await _send(api, "send-otp", headers)).data["code"]
    await rows(database, "update idempotency_keys set status = null, body = null, locked_until = now()")
    again = await _send(api, "send-otp", headers)
    assert again.data["code_auto_generated"] is True
    assert code not in str(again.body)
    assert await sent_codes(api) == [code]


@pytest.mark.usefixtures("shows")
async def test_a_dry_run_shows_no_code(api: Api) -> None:
    answer = await send_otp(api.acme, None, dry_run=True)
    assert answer.data["would_send"] is True
    assert "code" not in answer.data
    assert await sent_codes(api) == []


@pytest.mark.usefixtures("shows")
async def test_resending_shows_the_new_code(api: Api) -> None:
    first = (await send_otp(api.acme, None)).data["code"]
    second = (await resend(api.acme)).data["code"]
    assert await sent_codes(api) == [first, second]
