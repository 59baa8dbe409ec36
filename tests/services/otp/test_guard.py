"""The guard against pumping: budgets that refuse, say why, and can be set."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.domain import phone
from rasl.domain.phone import Phone
from rasl.errors import OtpBlocked
from rasl.services.composing.draft import Draft
from rasl.services.ground.callers import Callers
from rasl.services.otp import passwords
from rasl.services.otp.passwords import CodeWish
from rasl.services.sending import delivering
from rasl.services.sending.outbox import Outbox
from tests.api.v2.codes import CODE, connect_templates, events, payloads, resend, rows, send_otp
from tests.serving import Api

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture(autouse=True)
async def templates(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    # Budgets of tenants are changed here, and a process remembers its callers for a moment.
    monkeypatch.setattr("rasl.services.ground.callers.CACHE_SECONDS", -1)
    await connect_templates(api)


@pytest.fixture
async def outboxes(api: Api, shared_dsn: str) -> AsyncIterator[list[Outbox]]:
    """Two processes' worth of outboxes with the budgets a server starts with."""
    async with (
        running(build_resources(api.settings, shared_dsn)) as one,
        running(build_resources(api.settings, shared_dsn)) as two,
    ):
        yield [one, two]


async def test_ten_thousand_sends_over_a_thousand_numbers_of_one_prefix_end_at_the_budget(
    api: Api, outboxes: list[Outbox], database: Database
) -> None:
    caller = await Callers(outboxes[0].resources.database, outboxes[0].resources.sealer).authenticate(
        api.world.acme.token
    )
    assert caller.tenant.number is not None
    number = caller.tenant.number
    numbers = iter([f"+44794612{n:04}" for n in range(1_000)] * 10)
    ends: Counter[str] = Counter()

    async def pump(outbox: Outbox) -> None:
        for text in numbers:
            understood = phone.understand(text)
            assert isinstance(understood, Phone)
            wish = CodeWish(
                template_name="bare",
                language="en",
                purpose="login",
                expiry_minutes=10,
            )
            composed = await passwords.compose(outbox.resources, caller.tenant, number, wish, understood)
            draft = Draft(
                tenant=caller.tenant,
                number=number,
                content=composed.content,
                phone=understood,
                contact_id=None,
                request_id="b7a3e0c2-5f0e-4c8e-9f1b-2d4f6c1a9e77",
                otp=composed.otp,
            )
            try:
                await delivering.send(outbox, draft)
            except OtpBlocked as error:
                ends[error.details["reason"]] += 1
            else:
                ends["sent"] += 1

    await asyncio.gather(*(pump(outbox) for outbox in outboxes * 100))
    assert ends == {"sent": 100, "prefix_budget_per_hour": 9_900}
    assert len(await payloads(api)) == 100
    assert len(await rows(database, "select from contacts")) == 100, "what is refused leaves no contact"
    assert await events(database, "otp.blocked") == ["otp.blocked"]


async def test_a_refusal_names_the_budget_and_when_to_come_back(api: Api, database: Database) -> None:
    await rows(database, """update tenants set otp_budgets = '{"phone_per_hour": 2}'""")
    for _ in range(2):
        assert (await send_otp(api.acme)).status == 200
    answer = await send_otp(api.acme)
    assert (answer.status, answer.code) == (403, "OTP_BLOCKED")
    retry_after = answer.details.pop("retry_after")
    assert 1 <= retry_after <= 3600
    assert answer.headers["retry-after"] == str(retry_after)
    assert answer.details == {
        "reason": "phone_budget_per_hour",
        "subject": "442079460011",
        "budget": 2,
        "period": "hour",
    }
    assert (await resend(api.acme)).code == "OTP_BLOCKED"
    (event,) = await rows(database, "select payload from events where type = 'otp.blocked'")
    assert event["payload"]["attributes"]["reason"] == "phone_budget_per_hour"
    assert event["payload"]["attributes"]["country"] == "GB"
    assert CODE not in str(event["payload"])
    assert (await send_otp(api.globex)).status == 200


@pytest.mark.parametrize(
    ("budget", "blocked", "free"),
    [
        ("phone_per_hour", "+447946120001", "+447946120002"),
        ("phone_per_day", "+447946120001", "+447946120002"),
        ("prefix_per_hour", "+447946999999", "+447947120001"),
        ("prefix_per_day", "+447946999999", "+447947120001"),
        ("country_per_hour", "+442079460012", "+4915112345678"),
        ("country_per_day", "+442079460012", "+4915112345678"),
        ("tenant_per_hour", "+4915112345678", None),
        ("tenant_per_day", "+4915112345678", None),
    ],
)
async def test_every_budget_holds_for_what_it_is_about(
    api: Api, database: Database, budget: str, blocked: str, free: str | None
) -> None:
    await rows(database, "update tenants set otp_budgets = $1", {budget: 1})
    assert (await send_otp(api.acme, phone="+447946120001")).status == 200
    answer = await send_otp(api.acme, phone=blocked)
    assert answer.details["reason"] == budget.replace("_per_", "_budget_per_")
    if free:
        assert (await send_otp(api.acme, phone=free)).status == 200


async def test_a_budget_fills_again_with_the_next_hour(api: Api, database: Database) -> None:
    await rows(database, """update tenants set otp_budgets = '{"phone_per_hour": 1}'""")
    await send_otp(api.acme)
    assert (await send_otp(api.acme)).status == 403
    await rows(
        database, "update otp_budgets set starts_at = starts_at - interval '1 hour' where period = 'hour'"
    )
    assert (await send_otp(api.acme)).status == 200


async def test_zero_is_no_limit(api: Api, database: Database) -> None:
    names = [
        f"{scope}_per_{period}"
        for scope in ("phone", "prefix", "country", "tenant")
        for period in ("hour", "day")
    ]
    await rows(database, "update tenants set otp_budgets = $1", dict.fromkeys(names, 0))
    for _ in range(25):
        assert (await send_otp(api.acme)).status == 200


async def test_a_dry_run_tells_of_a_budget_and_takes_nothing_from_it(api: Api, database: Database) -> None:
    await rows(database, """update tenants set otp_budgets = '{"phone_per_hour": 1}'""")
    assert (await send_otp(api.acme, dry_run=True)).data["would_send"] is True
    assert (await send_otp(api.acme)).status == 200
    answer = await send_otp(api.acme, dry_run=True)
    assert [problem["code"] for problem in answer.data["problems"]] == ["OTP_BLOCKED"]
    (row,) = await rows(
        database, "select sent, blocked from otp_budgets where scope = 'phone' and period = 'hour'"
    )
    assert tuple(row) == (1, 0)


async def test_sends_that_whatsapp_refused_count_too(api: Api, database: Database) -> None:
    await rows(database, """update tenants set otp_budgets = '{"phone_per_hour": 1}'""")
    effect = {"kind": "error", "code": 131026, "via": "sync"}
    await api.simulator.post("/_control/faults", {"when": {"next": 1}, "effect": effect})
    assert (await send_otp(api.acme)).status == 500
    assert (await send_otp(api.acme)).status == 403


async def test_a_tenant_may_have_another_number_of_attempts(api: Api, database: Database) -> None:
    await rows(database, "update tenants set otp_max_attempts = 2")
    await send_otp(api.acme)
    (row,) = await rows(database, "select max_attempts from otps")
    assert row["max_attempts"] == 2
