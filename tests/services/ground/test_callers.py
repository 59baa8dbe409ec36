import asyncio
import datetime as dt

import pytest

from rasl import clock, ids
from rasl.db import tenants
from rasl.db.pool import Database
from rasl.domain import credentials
from rasl.domain.scopes import ALL_SCOPES, READ_SCOPES
from rasl.errors import AccountSuspended, ServiceUnavailable, Unauthorized
from rasl.sealing import Sealer, SealError
from rasl.services.ground import callers as callers_module
from rasl.services.ground.callers import CACHE_SECONDS, Callers, hash_token
from tests.world import World


@pytest.fixture
def callers(database: Database, sealer: Sealer) -> Callers:
    """The callers of one process."""
    return Callers(database, sealer)


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> "Wait":
    """Let time pass without waiting."""
    return Wait(monkeypatch)


class Wait:
    """Moves our monotonic clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ahead = 0.0
        real = clock.monotonic
        monkeypatch.setattr(clock, "monotonic", lambda: real() + self._ahead)

    def __call__(self, seconds: float) -> None:
        self._ahead += seconds


async def _execute(database: Database, sql: str, *values: object) -> None:
    async with database.connection() as db:
        await db.execute(sql, *values)


async def test_a_token_leads_to_its_tenant_scopes_and_number(callers: Callers, world: World) -> None:
    caller = await callers.authenticate(world.acme.token)
    assert (caller.tenant.id, caller.token_id) == (world.acme.tenant_id, world.acme.token_id)
    assert caller.scopes == frozenset(ALL_SCOPES)
    assert caller.tenant.number is not None
    assert caller.tenant.number.phone_number_id == world.acme.phone_number_id
    assert caller.tenant.number.access_token == world.acme.access_token
    assert world.acme.access_token not in repr(caller)
    reader = await callers.authenticate(world.acme.read_only_token)
    assert (reader.tenant.id, reader.scopes) == (world.acme.tenant_id, frozenset(READ_SCOPES))


async def test_what_is_told_of_a_tenant_is_read_again_at_once(
    callers: Callers, database: Database, world: World
) -> None:
    for token in (world.acme.token, world.globex.token):
        await callers.authenticate(token)
    globex = await callers.authenticate(world.globex.token)
    await _execute(database, "update tenants set window_policy = 'reject'")
    callers.told(str(world.acme.tenant_id))
    assert (await callers.authenticate(world.acme.token)).tenant.window_policy == "reject"
    assert await callers.authenticate(world.globex.token) is globex
    callers.forget()
    assert (await callers.authenticate(world.globex.token)).tenant.window_policy == "reject"


async def test_many_tokens_asked_for_at_once_lead_each_to_its_own(callers: Callers, world: World) -> None:
    tokens = [world.acme.token, world.globex.token, world.acme.read_only_token, ids.mint_token()] * 25
    answers = await asyncio.gather(*map(callers.authenticate, tokens), return_exceptions=True)
    for place, answer in enumerate(answers):
        if place % 4 == 3:
            assert isinstance(answer, Unauthorized)
        else:
            assert not isinstance(answer, BaseException)
            assert answer.tenant.id == (world.globex if place % 4 == 1 else world.acme).tenant_id


@pytest.mark.parametrize(
    "token", ["", "rasl_", "tok_example", "rasl_" + "0" * 54, "rasl_" + "é" * 54, "x" * 100_000]
)
async def test_what_is_no_token_is_refused_without_asking_the_database(sealer: Sealer, token: str) -> None:
    closed = Database("postgresql:///nowhere?host=/nowhere", 2)
    with pytest.raises(Unauthorized):
        await Callers(closed, sealer).authenticate(token)


async def test_a_token_nobody_minted_is_refused_like_a_wrong_one(callers: Callers, world: World) -> None:
    assert world.acme.token
    with pytest.raises(Unauthorized) as caught:
        await callers.authenticate(ids.mint_token())
    assert caught.value.message == credentials.UNKNOWN
    assert caught.value.details == {}


_END = {
    "revoked": "update tokens set revoked_at = now() where id = $1",
    "expired": "update tokens set expires_at = now() - interval '1 s' where id = $1",
    "expiring now": "update tokens set expires_at = now() where id = $1",
}
_SUSPENSION = (
    "update tenants set status = 'suspended' where id = (select tenant_id from tokens where id = $1)"
)


async def test_a_token_of_a_suspended_tenant_says_so_within_the_cache_time(
    callers: Callers, database: Database, world: World, wait: Wait
) -> None:
    await callers.authenticate(world.acme.token)
    await _execute(database, _SUSPENSION, world.acme.token_id)
    wait(CACHE_SECONDS + 0.001)
    for _ in range(2):
        with pytest.raises(AccountSuspended):
            await callers.authenticate(world.acme.token)


@pytest.mark.parametrize("sql", _END.values(), ids=_END)
async def test_a_token_that_ended_is_refused_at_once_where_it_is_not_known(
    callers: Callers, database: Database, world: World, sql: str
) -> None:
    await _execute(database, sql, world.acme.token_id)
    with pytest.raises(Unauthorized, match=credentials.UNKNOWN):
        await callers.authenticate(world.acme.token)


@pytest.mark.parametrize("sql", _END.values(), ids=_END)
async def test_a_token_that_ended_is_refused_within_the_cache_time(
    callers: Callers, database: Database, world: World, wait: Wait, sql: str
) -> None:
    await callers.authenticate(world.acme.token)
    await _execute(database, sql, world.acme.token_id)
    wait(CACHE_SECONDS + 0.001)
    with pytest.raises(Unauthorized):
        await callers.authenticate(world.acme.token)
    with pytest.raises(Unauthorized):
        await callers.authenticate(world.acme.token)


def test_the_cache_is_shorter_than_a_second() -> None:
    assert CACHE_SECONDS < 1


async def test_a_token_that_expires_in_the_future_works(
    callers: Callers, database: Database, world: World
) -> None:
    await _execute(
        database, "update tokens set expires_at = now() + interval '1 h' where id = $1", world.acme.token_id
    )
    assert (await callers.authenticate(world.acme.token)).token_id == world.acme.token_id


async def test_a_known_token_costs_no_query(dsn: str, sealer: Sealer, world: World) -> None:
    database = Database(dsn, 2)
    await database.open()
    own = Callers(database, sealer)
    caller = await own.authenticate(world.acme.token)
    await database.close()
    assert await own.authenticate(world.acme.token) is caller
    with pytest.raises(ServiceUnavailable):
        await own.authenticate(world.globex.token)


async def test_changed_settings_of_a_tenant_count_after_the_cache_time(
    callers: Callers, database: Database, world: World, wait: Wait
) -> None:
    await callers.authenticate(world.acme.token)
    async with database.transaction() as db:
        await tenants.change_tenant(db, world.acme.tenant_id, {"window_policy": "reject"})
    wait(CACHE_SECONDS + 0.001)
    assert (await callers.authenticate(world.acme.token)).tenant.window_policy == "reject"


async def test_a_cache_that_is_full_starts_again(
    callers: Callers, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callers_module, "_MAX_CACHED", 0)
    for token in (world.acme.token, world.globex.token, world.acme.token):
        assert (await callers.authenticate(token)).tenant.number is not None


async def test_only_a_hash_of_the_token_is_stored(database: Database, world: World) -> None:
    async with database.connection() as db:
        stored = await db.fetchrow("select * from tokens where id = $1", world.acme.token_id)
    assert stored is not None
    assert stored["hash"] == hash_token(world.acme.token)
    assert world.acme.token not in str(dict(stored))


async def test_a_tenants_secrets_do_not_open_with_another_key(database: Database, world: World) -> None:
    other = Callers(database, Sealer("another key than the one these secrets were sealed with"))
    with pytest.raises(SealError, match="RASL_SECRET_KEY"):
        await other.authenticate(world.acme.token)


class Calendar:
    """A clock that stands still until told otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
        monkeypatch.setattr(clock, "now", lambda: self.now)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """The time of day as this test wants it."""
    return Calendar(monkeypatch)


async def _last_used(database: Database, token_id: int) -> dt.datetime | None:
    async with database.connection() as db:
        value: dt.datetime | None = await db.fetchval(
            "select last_used_at from tokens where id = $1", token_id
        )
    return value


async def test_last_use_is_written_and_only_for_what_was_used(
    callers: Callers, database: Database, world: World, calendar: Calendar
) -> None:
    await callers.authenticate(world.acme.token)
    assert await _last_used(database, world.acme.token_id) is None
    await callers.write_last_used()
    assert await _last_used(database, world.acme.token_id) == calendar.now
    assert await _last_used(database, world.globex.token_id) is None


async def test_last_use_moves_on_every_half_minute(
    callers: Callers, database: Database, world: World, calendar: Calendar
) -> None:
    noon = calendar.now
    for seconds, written in [(0, 0), (10, 0), (29, 0), (30, 30), (40, 30), (90, 90)]:
        calendar.now = noon + dt.timedelta(seconds=seconds)
        await callers.authenticate(world.acme.token)
        await callers.write_last_used()
        assert await _last_used(database, world.acme.token_id) == noon + dt.timedelta(seconds=written)


async def test_a_slower_process_does_not_turn_last_use_back(
    callers: Callers, database: Database, sealer: Sealer, world: World, calendar: Calendar
) -> None:
    slow = Callers(database, sealer)
    await slow.authenticate(world.acme.token)
    calendar.now += dt.timedelta(minutes=5)
    await callers.authenticate(world.acme.token)
    await callers.write_last_used()
    await slow.write_last_used()
    assert await _last_used(database, world.acme.token_id) == calendar.now


async def test_a_token_that_is_refused_is_not_in_use(
    callers: Callers, database: Database, world: World
) -> None:
    await _execute(database, "update tokens set revoked_at = now() where id = $1", world.acme.token_id)
    with pytest.raises(Unauthorized):
        await callers.authenticate(world.acme.token)
    await callers.write_last_used()
    assert await _last_used(database, world.acme.token_id) is None
