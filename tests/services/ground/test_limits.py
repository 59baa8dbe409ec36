import asyncio
from collections.abc import AsyncIterator

import pytest

from rasl import clock
from rasl.db.pool import Database
from rasl.domain.gcra import Bucket
from rasl.services.ground.limits import BLOCK_SECONDS, Limits, Verdict

SIXTY = Bucket(interval=3600.0, burst=60)  # an interval in which no test sees a refill by itself


@pytest.fixture
async def other_database(dsn: str) -> AsyncIterator[Database]:
    """Another process's pools on the same database."""
    opened = Database(dsn, 4)
    await opened.open()
    yield opened
    await opened.close()


async def test_two_processes_share_a_limit_exactly(database: Database, other_database: Database) -> None:
    ours, theirs = Limits(database), Limits(other_database)
    spent = [(ours, theirs)[number % 2].spend("token:1", SIXTY) for number in range(200)]
    verdicts = await asyncio.gather(*spent)
    assert sum(verdict.is_allowed for verdict in verdicts) == 60


async def test_two_processes_that_take_blocks_share_a_limit_exactly(
    database: Database, other_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasl.services.ground.limits.BLOCK_SECONDS", 7 * 3600.0)  # blocks of seven
    limits = [Limits(database), Limits(other_database)]

    async def spend_all(own: Limits) -> int:
        allowed = 0
        while (await own.spend("token:1", SIXTY)).is_allowed:
            allowed += 1
        return allowed

    assert sum(await asyncio.gather(*map(spend_all, limits * 5))) == 60


async def test_names_do_not_share(database: Database) -> None:
    limits = Limits(database)
    small = Bucket(3600.0, 2)
    first = [await limits.spend("token:1", small) for _ in range(3)]
    second = [await limits.spend("token:2", small) for _ in range(3)]
    assert [item.is_allowed for item in first] == [item.is_allowed for item in second] == [True, True, False]


async def test_a_verdict_says_what_is_left(database: Database) -> None:
    limits = Limits(database)
    verdicts = [await limits.spend("token:1", Bucket(3600.0, 3)) for _ in range(4)]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert [verdict.retry_after for verdict in verdicts[:3]] == [0, 0, 0]
    assert verdicts[3].retry_after == pytest.approx(3600, abs=60)
    assert verdicts[3].full_after == pytest.approx(3 * 3600, abs=60)


async def test_a_refusal_that_is_known_costs_no_query(other_database: Database) -> None:
    limits = Limits(other_database)
    bucket = Bucket(3600.0, 1)
    await limits.spend("token:1", bucket)
    await other_database.close()
    assert not (await limits.spend("token:1", bucket)).is_allowed


class FakeClock:
    """A monotonic clock that goes on when told to, in step with the buckets of the database."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self._database = database
        self._ahead = 0.0
        real = clock.monotonic
        monkeypatch.setattr(clock, "monotonic", lambda: real() + self._ahead)

    async def advance(self, seconds: float) -> None:
        self._ahead += seconds
        async with self._database.connection() as db:
            await db.execute("update buckets set tat = tat - make_interval(secs => $1)", seconds)


async def test_permits_come_back_one_by_one(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    time, limits, bucket = FakeClock(database, monkeypatch), Limits(database), Bucket(3600.0, 3)

    async def allowed(count: int) -> int:
        verdicts: list[Verdict] = [await limits.spend("token:1", bucket) for _ in range(count)]
        return sum(verdict.is_allowed for verdict in verdicts)

    assert await allowed(5) == 3
    await time.advance(3600.0 - 60)
    assert await allowed(2) == 0
    await time.advance(120.0)
    assert await allowed(2) == 1
    await time.advance(100 * 3600.0)
    assert await allowed(9) == 3


async def test_a_block_that_lay_too_long_is_not_spent(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rasl.services.ground.limits.BLOCK_SECONDS", 10 * 3600.0)
    time, limits, bucket = FakeClock(database, monkeypatch), Limits(database), Bucket(3600.0, 10)
    assert (await limits.spend("token:1", bucket)).is_allowed  # nine more lie here
    await time.advance(1000 * 3600.0)
    verdicts = [await limits.spend("token:1", bucket) for _ in range(15)]
    assert sum(verdict.is_allowed for verdict in verdicts) == 10


def test_a_process_takes_a_tenth_of_a_second_of_a_limit_at_most() -> None:
    assert BLOCK_SECONDS <= 0.1


async def test_a_reserve_is_taken_beyond_the_bucket_and_made_up_for(
    database: Database, other_database: Database
) -> None:
    few = Bucket(interval=3600.0, burst=3)
    ours, theirs = Limits(database), Limits(other_database)
    for _ in range(3):
        assert (await ours.spend("number:1", few)).is_allowed
    assert not (await theirs.spend("number:1", few)).is_allowed
    first = [(await own.spend("number:1", few, reserve=2)).is_allowed for own in (ours, theirs, ours)]
    assert first == [True, True, False]
    refused = await theirs.spend("number:1", few)
    assert not refused.is_allowed
    assert (await ours.spend("number:2", few)).is_allowed


async def test_a_reserve_at_once_is_shared_exactly(database: Database, other_database: Database) -> None:
    limits = [Limits(database), Limits(other_database)]
    spent = [limits[number % 2].spend("number:1", SIXTY, reserve=5) for number in range(200)]
    spent += [limits[number % 2].spend("number:1", SIXTY) for number in range(200)]
    verdicts = await asyncio.gather(*spent)
    assert sum(verdict.is_allowed for verdict in verdicts) == 65
