"""Queues stand in line: a claim reads what is due and nothing else, serves in turn, and forgets no job."""

import asyncio
import datetime as dt
import itertools
import random
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from rasl.db import jobs, messages
from rasl.db.jobs import Ask, NewJob
from rasl.db.pool import Database, Db
from tests.conftest import cloned

LEASE = dt.timedelta(seconds=600)
MANY = Ask(1000, 1000)
_numbers = itertools.count(1)


async def add(db: Db, queue: int, *subjects: int, tenant: int = 1) -> None:
    await jobs.add(db, "send", [NewJob(tenant, subject, queue) for subject in subjects])


async def claim(db: Db, ask: Ask = MANY) -> list[int]:
    return sorted(row["subject_id"] for row in await jobs.claim(db, "send", ask, LEASE))


async def turns(db: Db) -> Counter[int]:
    return Counter(row["queue_id"] for row in await db.fetch("select queue_id from job_turns"))


async def test_a_queue_stands_in_line_while_jobs_wait_and_no_longer(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 7, *range(1, 101))
        assert await turns(db) == {7: 1}
        assert len(await claim(db, Ask(10, 10))) == 10
        assert await turns(db) == {7: 1}
        assert len(await claim(db)) == 90
        await db.execute("delete from jobs")
        assert await claim(db) == []
        # At most the turn for the leases that it saw is left, and goes when it comes.
        await db.execute("update job_turns set due_at = now()")
        assert await claim(db) == []
        assert not await turns(db)


async def test_queues_are_served_in_turn_each_a_little_where_many_wait(database: Database) -> None:
    async with database.connection() as db:
        for queue in range(1, 31):
            await add(db, queue, *(queue * 100 + n for n in range(20)))
        served: list[int] = []
        for _ in range(3):
            rows = await jobs.claim(db, "send", Ask(10, 5), LEASE)
            assert len(rows) == 10
            served += [row["queue_id"] for row in rows]
        assert Counter(served) == dict.fromkeys(range(1, 31), 1)
        assert max(Counter(await queues(db, Ask(10, 5))).values()) == 1


async def queues(db: Db, ask: Ask) -> list[int]:
    return [row["queue_id"] for row in await jobs.claim(db, "send", ask, LEASE)]


async def test_who_writes_jobs_without_knowing_of_turns_puts_them_in_line(database: Database) -> None:
    """The program before the migration, which may still run beside this one."""
    async with database.connection() as db:
        await db.execute(
            """
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            values (1, 'send', 1, 1, 1, now(), false), (1, 'send', 2, 2, 1, now() + interval '1 hour', false),
                   (1, 'send', 3, 3, 1, now() + interval '1 hour', true)
            """
        )
        assert await claim(db) == [1]
        await db.execute("update jobs set due_at = now(), is_leased = false, fence = fence + 1")
        assert await claim(db) == [1, 2, 3]
        # It claims in its own way, and leaves a turn behind that leads nowhere.
        await db.execute("update jobs set due_at = now(), is_leased = false where subject_id = 1")
        await db.execute(
            "update jobs set due_at = now() + interval '1 hour', is_leased = true where subject_id = 1"
        )
        assert await claim(db) == []


async def test_a_claim_that_is_rolled_back_took_nothing(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 1, 1, 2)
        transaction = db.transaction()
        await transaction.start()
        assert await claim(db) == [1, 2]
        await transaction.rollback()
        assert await claim(db) == [1, 2]


async def test_a_job_that_somebody_else_has_locked_is_found_when_he_lets_go(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 1, 1, 2, 3)
    async with database.connection() as db, database.connection() as other:
        transaction = other.transaction()
        await transaction.start()
        # As Meta's echo does, and then fails.
        await other.execute("delete from jobs where subject_id in (1, 3)")
        assert await claim(db) == [2]
        await transaction.rollback()
        assert await claim(db) == [1, 3]


async def test_a_job_added_while_its_queue_is_claimed_is_not_forgotten(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 1, 1)
        async with database.transaction() as other:
            await add(other, 1, 2)  # not committed yet
            assert await claim(db) == [1]
            await db.execute("delete from jobs where subject_id = 1")
            await db.execute("update job_turns set due_at = now()")
            assert await claim(db) == []
        assert await claim(db) == [2]


async def test_giving_back_again_and_again_makes_no_crowd(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 1, *range(1, 51))
        for _ in range(20):
            rows = await jobs.claim(db, "send", Ask(10, 10), LEASE)
            await jobs.release(db, "send", [(1, row["subject_id"], row["fence"], 0.0) for row in rows])
        assert (await turns(db))[1] <= 2


async def test_paused_queues_keep_their_place(database: Database) -> None:
    async with database.connection() as db:
        await add(db, 1, 1)
        await add(db, 2, 2)
        assert await claim(db, Ask(10, 10, [1])) == [2]
        await add(db, 3, 3)
        rows = await jobs.claim(db, "send", Ask(1, 1), LEASE)
        assert [row["queue_id"] for row in rows] == [1]


async def test_no_job_is_lost_or_done_twice_however_adding_claiming_and_failing_meet(dsn: str) -> None:
    shared = Database(dsn, 8)
    await shared.open()
    start = asyncio.Barrier(8)
    claimed: Counter[int] = Counter()
    dice = random.Random(4)

    async def write(number: int) -> None:
        await start.wait()
        for batch in range(25):
            subjects = [number * 10_000 + batch * 10 + n for n in range(4)]
            is_kept = dice.random() < 0.8
            with_pause = dice.random() * 0.01
            async with shared.connection() as db:
                transaction = db.transaction()
                await transaction.start()
                await add(db, dice.randrange(3), *subjects)
                await asyncio.sleep(with_pause)
                if is_kept:
                    await transaction.commit()
                    expected.update(subjects)
                else:
                    await transaction.rollback()

    async def work() -> None:
        await start.wait()
        for _ in range(60):
            async with shared.connection() as db:
                transaction = db.transaction()
                await transaction.start()
                rows = await jobs.claim(db, "send", Ask(5, 3), LEASE)
                await asyncio.sleep(dice.random() * 0.005)
                if dice.random() < 0.2:
                    await transaction.rollback()
                else:
                    await transaction.commit()
                    claimed.update(row["subject_id"] for row in rows)

    expected: set[int] = set()
    await asyncio.gather(*map(write, range(1, 5)), *(work() for _ in range(4)))
    async with shared.connection() as db:
        while rows := await claim(db):
            claimed.update(rows)
    await shared.close()
    assert set(claimed) == expected
    assert set(claimed.values()) == {1}


CLAIM = "execute c('send', 100, 50, '600 s', '{}', 2::smallint, -1::smallint, '{}', '{}')"
TYPES = "text, integer, integer, interval, bigint[], smallint, smallint, bigint[], integer[]"


async def pages_read(db: Db, statement: str) -> int:
    """Run a prepared statement and return how many pages it looked at."""
    (row,) = await db.fetch(f"explain (analyze, buffers, format json) {statement}")
    (plan,) = row[0]
    return int(plan["Plan"]["Shared Hit Blocks"] + plan["Plan"]["Shared Read Blocks"])


@pytest.fixture
async def fresh(template_dsn: str) -> AsyncIterator[Database]:
    """A pool without any plan, on tables that never held a row: an emptied one keeps the statistics of other tests."""
    async with cloned(template_dsn, f"turns_{next(_numbers)}") as dsn:
        opened = Database(dsn, 3)
        await opened.open()
        yield opened
        await opened.close()


# What the planner knows of the tables: nothing, or that they are empty; or it looked while somebody was filling them.
STATES = pytest.mark.parametrize("state", ["new", "empty", "hidden"])


@STATES
@pytest.mark.parametrize(
    ("numbers", "due", "bound"),
    [(50, "-1 hour", 2500), (10_000, "-1 hour", 4000), (10_000, "1 hour", 30)],
)
async def test_a_claim_planned_on_an_empty_table_reads_what_is_due_and_no_more(
    fresh: Database, numbers: int, due: str, bound: int, state: str
) -> None:
    async with fresh.connection() as db:
        if state == "empty":
            await analyse(db)
        await db.execute(f"prepare c ({TYPES}) as {jobs._CLAIM}")
        for _ in range(8):
            await db.execute(CLAIM)
        await load(fresh, numbers, due, is_hidden=state == "hidden")
        for _ in range(3):
            assert await pages_read(db, CLAIM) < bound
        if due.startswith("-"):
            assert await db.fetchval("select count(*) from jobs where is_leased") == 300


async def analyse(db: Db) -> None:
    for table in ("jobs", "job_turns"):
        await db.execute(f"vacuum analyze {table}")


async def load(database: Database, numbers: int, due: str, *, is_hidden: bool) -> None:
    async with database.connection() as other, database.transaction() as db:
        await db.execute(
            f"""
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            select 1 + n % {numbers}, 'send', n, 1 + n % {numbers}, 1,
                   now() + interval '{due}' + n * interval '1 us', false
            from generate_series(1, 100000) n
            """
        )
        if is_hidden:
            await analyse(other)


@STATES
async def test_what_is_done_with_claims_reads_no_other_jobs_whatever_is_known(
    fresh: Database, state: str
) -> None:
    holdings = [(1 + n, n, 1) for n in range(1, 51)]

    async def work(db: Db) -> None:
        await jobs.extend(db, "send", holdings, LEASE)
        await jobs.release(db, "send", [(*holding, 1.0) for holding in holdings])
        await jobs.discard(db, "send", holdings)
        await jobs.put_off(db, "send", holdings[0], 1.0, 1, "RuntimeError")
        await messages.record_results(db, [result(*holding) for holding in holdings])

    async with fresh.connection() as db:
        if state == "empty":
            await analyse(db)
        for _ in range(8):
            await work(db)
        await load(fresh, 1000, "1 hour", is_hidden=state == "hidden")
        before = await tuples_read(db)
        await work(db)
        assert await tuples_read(db) - before < 2000


def result(tenant_id: int, message_id: int, fence: int) -> messages.Result:
    return messages.Result(
        tenant_id=tenant_id,
        message_id=message_id,
        fence=fence + 9,
        attempt=1,
        outcome="not_sent",
        started_at=dt.datetime.now(dt.UTC),
        status="queued",
        retry_seconds=1.0,
    )


async def tuples_read(db: Db) -> int:
    """Return how many rows of jobs this server has read by index, this session's included."""
    await db.execute("select pg_stat_force_next_flush()")
    count: int = await db.fetchval(
        """
        select coalesce(sum(pg_stat_get_tuples_returned(indexrelid)), 0)::bigint from pg_index
        where indrelid = 'jobs'::regclass
        """
    )
    return count
