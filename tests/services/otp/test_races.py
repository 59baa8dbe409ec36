"""One-time passwords under requests that really come at once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.domain.fixed_windows import WindowLimit
from rasl.domain.otp import DEFAULT_PURPOSE, RESEND_LIMIT, VERIFY_LIMIT
from rasl.errors import ApiError, OtpRejected, RateLimitExceeded
from rasl.services.ground.resources import Resources
from rasl.services.otp import passwords
from tests.api.v2.codes import (
    CODE,
    DIGITS,
    WRONG,
    connect_templates,
    events,
    resend,
    rows,
    send_otp,
    sent_codes,
    verify,
)
from tests.serving import Api
from tests.waiting import until

pytestmark = pytest.mark.usefixtures("hearing_of_codes")


@pytest.fixture(autouse=True)
async def templates(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rasl.services.ground.callers.CACHE_SECONDS", -1)
    await connect_templates(api)


@pytest.fixture
async def all_resources(api: Api, shared_dsn: str) -> AsyncIterator[list[Resources]]:
    """What two processes have, on the test's database."""
    async with (
        running(build_resources(api.settings, shared_dsn)) as one,
        running(build_resources(api.settings, shared_dsn)) as two,
    ):
        yield [one.resources, two.resources]


async def judged(resources: Resources, tenant_id: int, code: str) -> str:
    """Return how a guess ends that no limiter held back."""
    try:
        await passwords.judge(resources, tenant_id, DIGITS, DEFAULT_PURPOSE, code)
    except OtpRejected as error:
        return str(error.details["error_code"])
    return "VERIFIED"


async def test_of_ten_thousand_guesses_at_once_five_are_evaluated(
    api: Api, all_resources: list[Resources], database: Database
) -> None:
    await send_otp(api.acme, "7349")
    tenant_id = api.world.acme.tenant_id
    guesses = iter([f"{n:04}" for n in range(10_000) if n != 7349] + ["7349"])
    ends: Counter[str] = Counter()

    async def guess(resources: Resources) -> None:
        for code in guesses:
            ends[await judged(resources, tenant_id, code)] += 1

    await asyncio.gather(*(guess(resources) for resources in all_resources * 8))
    assert ends == {"INVALID_CODE": 5, "MAX_ATTEMPTS_EXCEEDED": 9_995}
    (row,) = await rows(database, "select attempts, verified_at from otps")
    assert tuple(row) == (5, None)


async def test_a_right_code_among_a_crowd_verifies_once(
    api: Api, all_resources: list[Resources], database: Database
) -> None:
    tenant_id = api.world.acme.tenant_id
    for round_ in range(10):
        await rows(database, "delete from otp_budgets")
        await send_otp(api.acme, CODE)
        barrier = asyncio.Barrier(16)

        async def enter(resources: Resources, gate: asyncio.Barrier = barrier) -> str:
            await gate.wait()
            return await judged(resources, tenant_id, CODE)

        ends = Counter(await asyncio.gather(*(enter(resources) for resources in all_resources * 8)))
        assert ends == {"VERIFIED": 1, "OTP_NOT_FOUND": 15}
        assert len(await events(database, "otp.verified")) == round_ + 1


async def test_two_verifications_over_http_are_one_success(api: Api) -> None:
    await send_otp(api.acme)
    answers = await asyncio.gather(*(verify(api.acme) for _ in range(8)))
    assert Counter(answer.status for answer in answers) == {200: 1, 422: 7}


async def test_a_resend_during_verification_leaves_one_of_the_codes_good(
    api: Api, all_resources: list[Resources], database: Database
) -> None:
    tenant_id = api.world.acme.tenant_id
    outcomes: Counter[str] = Counter()
    for _ in range(10):
        await rows(database, "delete from otp_budgets")
        await rows(database, "delete from window_limits")
        await send_otp(api.acme, CODE)
        guesses = asyncio.gather(*(judged(resources, tenant_id, CODE) for resources in all_resources))
        answer, ends = await asyncio.gather(resend(api.acme), guesses)
        assert answer.status == 200
        assert ends.count("VERIFIED") <= 1
        outcomes.update(ends)
        active = await rows(database, "select from otps where verified_at is null and invalidated_at is null")
        assert len(active) == 1
        assert await judged(all_resources[0], tenant_id, (await sent_codes(api))[-1]) == "VERIFIED"
    assert outcomes.keys() <= {"VERIFIED", "OTP_NOT_FOUND", "INVALID_CODE"}


async def test_sends_at_once_leave_one_active_code(api: Api, database: Database) -> None:
    answers = await asyncio.gather(*(send_otp(api.acme, f"10000{n}") for n in range(8)))
    assert {answer.status for answer in answers} == {200}
    states = await rows(database, "select invalidated_at is null as is_active from otps")
    assert Counter(row["is_active"] for row in states) == {True: 1, False: 7}


async def test_the_moment_of_expiry_is_expired(
    api: Api, all_resources: list[Resources], database: Database
) -> None:
    await send_otp(api.acme)
    tenant_id = api.world.acme.tenant_id
    async with database.transaction() as db:
        # The row stays locked until its time is over: who waited for it sees the row as it is then.
        await db.execute("select from otps for update")
        waiting = asyncio.create_task(judged(all_resources[0], tenant_id, CODE))

        async def waits() -> bool:
            return bool(await db.fetchval("select count(*) from pg_locks where not granted"))

        await until(waits)
        await db.execute("update otps set expires_at = now() - interval '1 microsecond'")
    assert await waiting == "OTP_EXPIRED"
    (row,) = await rows(database, "select attempts, verified_at from otps")
    assert tuple(row) == (0, None)


@pytest.mark.parametrize("limit", [VERIFY_LIMIT, RESEND_LIMIT], ids=lambda limit: limit.name)
async def test_a_limit_is_exact_over_all_processes(
    api: Api, all_resources: list[Resources], limit: WindowLimit
) -> None:
    waits: list[int] = []

    async def try_it(resources: Resources) -> bool:
        try:
            await passwords.hit(resources.database, api.world.acme.tenant_id, limit, DIGITS)
        except RateLimitExceeded as error:
            waits.append(error.retry_after)
            return False
        return True

    heard = await asyncio.gather(*(try_it(resources) for resources in all_resources * 12))
    assert sum(heard) == limit.most
    assert all(1 <= seconds <= limit.window.total_seconds() for seconds in waits)


async def test_budgets_are_exact_under_sends_at_once(api: Api, database: Database) -> None:
    await rows(database, """update tenants set otp_budgets = '{"prefix_per_hour": 7}'""")

    async def send(number: int) -> str:
        answer = await send_otp(api.acme, phone=f"+4479460{number:05}")
        return "sent" if answer.status == 200 else str(answer.details.get("reason"))

    ends = Counter(await asyncio.gather(*(send(number) for number in range(40))))
    assert ends == {"sent": 7, "prefix_budget_per_hour": 33}
    (row,) = await rows(
        database,
        "select sent, blocked from otp_budgets where scope = 'prefix' and period = 'hour'",
    )
    assert tuple(row) == (7, 33)
    assert len(await rows(database, "select from contacts")) == 7
    assert await events(database, "otp.blocked") == ["otp.blocked"]


async def test_wrong_guesses_beside_other_purposes_do_not_touch_each_other(
    api: Api, all_resources: list[Resources], database: Database
) -> None:
    for purpose in ("a", "b"):
        await send_otp(api.acme, purpose=purpose)
    tenant_id = api.world.acme.tenant_id

    async def guess(purpose: str) -> None:
        for resources in all_resources * 2:
            with pytest.raises(ApiError):
                await passwords.judge(resources, tenant_id, DIGITS, purpose, WRONG)

    await asyncio.gather(guess("a"), guess("b"))
    assert {row["attempts"] for row in await rows(database, "select attempts from otps")} == {4}
