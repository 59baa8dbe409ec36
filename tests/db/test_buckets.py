import asyncio

import pytest

from rasl.db import buckets
from rasl.db.buckets import Grant, Take
from rasl.db.pool import Database

HOUR = 3600.0  # an interval in which no test sees a refill


async def _take(database: Database, *wishes: Take) -> dict[str, Grant]:
    async with database.connection() as db:
        return await buckets.take(db, wishes)


async def _pass(database: Database, name: str, seconds: float) -> None:
    """Let so many seconds pass for one bucket."""
    async with database.connection() as db:
        await db.execute(
            "update buckets set tat = tat - make_interval(secs => $2) where name = $1", name, seconds
        )


@pytest.mark.parametrize(
    ("burst", "wanted", "granted"), [(60, 1, 1), (60, 60, 60), (60, 61, 60), (60, 1000, 60), (1, 5, 1)]
)
async def test_a_bucket_never_used_is_full(database: Database, burst: int, wanted: int, granted: int) -> None:
    grants = await _take(database, Take("a", HOUR, burst, wanted))
    assert grants["a"].permits == granted
    assert grants["a"].tat_ahead == pytest.approx(granted * HOUR, abs=1)


async def test_an_empty_bucket_grants_nothing_and_says_when_it_is_full(database: Database) -> None:
    await _take(database, Take("a", HOUR, 3, 3))
    again = (await _take(database, Take("a", HOUR, 3, 1)))["a"]
    assert again.permits == 0
    assert again.tat_ahead == pytest.approx(3 * HOUR, abs=60)


@pytest.mark.parametrize(
    ("seconds", "granted"), [(HOUR - 60, 0), (HOUR + 60, 1), (2 * HOUR + 60, 2), (999 * HOUR, 3)]
)
async def test_it_refills_one_permit_per_interval_up_to_its_burst(
    database: Database, seconds: float, granted: int
) -> None:
    await _take(database, Take("a", HOUR, 3, 3))
    await _pass(database, "a", seconds)
    assert (await _take(database, Take("a", HOUR, 3, 10)))["a"].permits == granted


async def test_many_buckets_are_taken_in_one_go_and_each_for_itself(database: Database) -> None:
    await _take(database, Take("a", HOUR, 2, 2))
    grants = await _take(database, Take("c", HOUR, 5, 9), Take("a", HOUR, 2, 1), Take("b", HOUR, 7, 3))
    assert {name: grant.permits for name, grant in grants.items()} == {"a": 0, "b": 3, "c": 5}


async def test_processes_that_take_at_once_share_exactly_the_burst(dsn: str) -> None:
    shared = Database(dsn, 20)
    await shared.open()
    start = asyncio.Barrier(20)

    async def take() -> int:
        async with shared.connection() as db:
            await start.wait()
            grants = [
                await buckets.take(db, [Take("a", HOUR, 60, 2), Take("b", HOUR, 7, 1)]) for _ in range(5)
            ]
        return sum(grant["a"].permits * 1000 + grant["b"].permits for grant in grants)

    taken = sum(await asyncio.gather(*(take() for _ in range(20))))
    await shared.close()
    assert divmod(taken, 1000) == (60, 7)


async def test_opposite_orders_do_not_wait_in_a_ring(dsn: str) -> None:
    shared = Database(dsn, 10)
    await shared.open()
    names = [f"bucket {number}" for number in range(1000)]
    start = asyncio.Barrier(10)

    async def take(order: list[str]) -> int:
        await start.wait()
        grants = await _take(shared, *(Take(name, HOUR, 1000, 1) for name in order))
        return sum(grant.permits for grant in grants.values())

    orders = [names if number % 2 else names[::-1] for number in range(10)]
    assert await asyncio.gather(*map(take, orders)) == [1000] * 10
    await shared.close()
