import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Sequence

import pytest

from rasl.db import jobs
from rasl.db.jobs import Ask
from rasl.db.pool import Database, Db, Row

LEASE = dt.timedelta(seconds=600)
Holding = tuple[int, int, int]


async def _add(
    db: Db, subjects: Sequence[int], *, tenant: int = 1, queue: int = 1, lane: int = 1, due: float = -60.0
) -> None:
    await db.execute(
        """
        insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
        select $1, 'send', s.id, $3, $4, now() + make_interval(secs => $5) + s.ord * interval '1 ms', false
        from unnest($2::bigint[]) with ordinality as s (id, ord)
        """,
        tenant,
        subjects,
        queue,
        lane,
        due,
    )


async def _claim(
    db: Db, limit: int = 100, per_queue: int = 50, paused: Sequence[int] = (), lease: dt.timedelta = LEASE
) -> list[Row]:
    return await jobs.claim(db, "send", Ask(limit, per_queue, paused), lease)


def _subjects(rows: Sequence[Row]) -> list[int]:
    return sorted(row["subject_id"] for row in rows)


def _holding(row: Row, *, behind: int = 0) -> Holding:
    return row["tenant_id"], row["subject_id"], row["fence"] - behind


async def _state(db: Db, subject: int) -> Row | None:
    return await db.fetchrow(
        """
        select is_leased, fence, attempts, due_at > now() as is_later, due_at
        from jobs where kind = 'send' and subject_id = $1
        """,
        subject,
    )


async def _run_out(db: Db, subject: int) -> None:
    """Let the lease of one job end."""
    await db.execute("update jobs set due_at = now() - interval '1 s' where subject_id = $1", subject)


async def test_what_is_due_is_claimed_once(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2, 3])
        await _add(db, [9], due=3600.0)
        first, second = await _claim(db), await _claim(db)
    assert _subjects(first) == [1, 2, 3]
    assert {(row["fence"], row["attempts"], row["was_abandoned"]) for row in first} == {(2, 1, False)}
    assert second == []


async def test_another_kind_of_job_is_left_alone(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        assert await jobs.claim(db, "other", Ask(10, 10), LEASE) == []


async def test_a_claim_takes_the_oldest_and_no_more_than_asked_for(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, list(range(1, 21)))
        assert _subjects(await _claim(db, limit=5)) == [1, 2, 3, 4, 5]
        assert _subjects(await _claim(db, limit=100, per_queue=3)) == [6, 7, 8]


async def test_it_steps_over_what_another_process_is_claiming(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, list(range(1, 11)))
    async with database.transaction() as ours, database.connection() as theirs:
        claimed = await _claim(ours, per_queue=4)
        assert _subjects(claimed) == [1, 2, 3, 4]
        # Ours is not committed: theirs neither waits for its queue nor gets any of it.
        assert await asyncio.wait_for(_claim(theirs), 30) == []
    async with database.connection() as theirs:
        assert _subjects(await _claim(theirs)) == list(range(5, 11))


async def test_processes_that_claim_at_once_never_get_the_same_job(dsn: str) -> None:
    shared = Database(dsn, 10)
    await shared.open()
    async with shared.connection() as db:
        for queue in range(1, 6):
            await _add(db, list(range(queue * 100, queue * 100 + 60)), queue=queue)
    start = asyncio.Barrier(10)

    async def claim_all() -> list[int]:
        mine: list[int] = []
        async with shared.connection() as db:
            await start.wait()
            while rows := await _claim(db, limit=7, per_queue=3):
                mine += _subjects(rows)
        return mine

    claimed = Counter(
        subject for mine in await asyncio.gather(*(claim_all() for _ in range(10))) for subject in mine
    )
    async with shared.connection() as db:
        claimed.update(
            _subjects(await _claim(db, limit=1000, per_queue=1000))
        )  # what the last ones stepped over
    await shared.close()
    assert len(claimed) == 300
    assert set(claimed.values()) == {1}


async def test_a_long_queue_does_not_keep_others_waiting(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, list(range(1000, 2000)), tenant=1, queue=1, due=-3600.0)
        await _add(db, [1, 2], tenant=2, queue=2)
        await _add(db, [3], tenant=3, queue=3)
        rows = await _claim(db, limit=30, per_queue=10)
    assert Counter(row["queue_id"] for row in rows) == {1: 10, 2: 2, 3: 1}


async def test_a_lower_lane_goes_first_and_a_full_one_does_not_block_another(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, list(range(100, 150)), lane=2, due=-3600.0)
        await _add(db, [1, 2, 3], lane=0)
        await _add(db, [11, 12], lane=1)
        assert _subjects(await _claim(db, limit=5)) == [1, 2, 3, 11, 12]
        assert _subjects(await _claim(db, limit=5)) == [100, 101, 102, 103, 104]
        await _add(db, [4], lane=0)
        assert 4 in _subjects(await _claim(db, limit=5))


async def test_a_lower_lane_of_one_queue_goes_before_a_higher_one_of_another(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [21, 22], queue=1, lane=2, due=-3600.0)
        await _add(db, [1, 2], queue=2, lane=0)
        assert _subjects(await _claim(db, limit=2)) == [1, 2]


async def test_a_paused_queue_is_left_alone(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1], queue=1)
        await _add(db, [2], queue=2)
        assert _subjects(await _claim(db, paused=[1, 99])) == [2]
        assert _subjects(await _claim(db)) == [1]


async def test_a_queue_with_a_share_gives_no_more_than_that(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, range(1, 11), queue=1)
        await _add(db, range(11, 21), queue=2)
        rows = await jobs.claim(db, "send", Ask(100, 50, shares={1: 3}), LEASE)
    assert Counter(row["queue_id"] for row in rows) == {1: 3, 2: 10}
    assert _subjects([row for row in rows if row["queue_id"] == 1]) == [1, 2, 3]


async def test_a_leased_job_that_comes_due_was_abandoned(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2])
        await _claim(db)
        await _run_out(db, 1)
        (again,) = await _claim(db)
    assert (again["subject_id"], again["was_abandoned"]) == (1, True)
    assert (again["fence"], again["attempts"]) == (3, 2)


async def test_a_job_given_back_was_not_abandoned_and_not_tried(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        (claim,) = await _claim(db)
        await jobs.release(db, "send", [(*_holding(claim), 0.0)])
        (again,) = await _claim(db)
    assert (again["was_abandoned"], again["attempts"]) == (False, 1)
    assert again["fence"] > claim["fence"]


async def test_a_job_given_back_is_due_when_asked(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        (claim,) = await _claim(db)
        await jobs.release(db, "send", [(*_holding(claim), 3600.0)])
        assert await _claim(db) == []


async def test_a_lease_is_renewed(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2])
        claims = await _claim(db)
        await db.execute("update jobs set due_at = now() - interval '1 s'")
        await jobs.extend(db, "send", [_holding(row) for row in claims if row["subject_id"] == 1], LEASE)
        assert _subjects(await _claim(db)) == [2]


@pytest.mark.parametrize("act", ["extend", "release", "discard"])
async def test_who_lost_the_lease_changes_nothing(database: Database, act: str) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        (late,) = await _claim(db)
        await _run_out(db, 1)
        await _claim(db)
        before = await _state(db, 1)
        await _act(db, act, _holding(late))
        assert await _state(db, 1) == before


@pytest.mark.parametrize("act", ["extend", "release", "discard"])
async def test_another_tenants_job_of_the_same_number_is_out_of_reach(database: Database, act: str) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        (claim,) = await _claim(db)
        before = await _state(db, 1)
        await _act(db, act, (2, 1, claim["fence"]))
        assert await _state(db, 1) == before


async def test_a_job_that_is_not_leased_is_not_extended(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1])
        await jobs.extend(db, "send", [(1, 1, 1)], LEASE)
        assert _subjects(await _claim(db)) == [1]


async def _act(db: Db, act: str, holding: Holding) -> None:
    if act == "extend":
        await jobs.extend(db, "send", [holding], LEASE * 2)
    elif act == "release":
        await jobs.release(db, "send", [(*holding, 0.0)])
    else:
        await jobs.discard(db, "send", [holding])


async def test_what_is_done_is_gone(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2])
        claims = await _claim(db)
        await jobs.discard(db, "send", [_holding(row) for row in claims if row["subject_id"] == 1])
        assert await _state(db, 1) is None
        assert await _state(db, 2) is not None


async def test_the_backlog_is_counted(database: Database) -> None:
    async with database.connection() as db:
        assert await jobs.backlog(db) == []
        await _add(db, [1, 2, 3], due=-100.0)
        await _add(db, [4], due=100.0)
        await _claim(db, limit=1)
        (row,) = await jobs.backlog(db)
    assert (row["kind"], row["waiting"], row["leased"]) == ("send", 3, 1)
    assert 99 < row["lag"] < 1000


async def test_a_queue_may_pause_for_every_lane_but_the_first(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2], lane=1)
        await _add(db, [3], lane=0)
        assert await _claim(db, paused=[1]) == []
        found = await jobs.claim(db, "send", Ask(100, 50, [1], unpaused_lane=0), LEASE)
        assert _subjects(found) == [3]
        assert _subjects(await _claim(db)) == [1, 2]


async def test_the_first_lane_can_be_claimed_alone(database: Database) -> None:
    async with database.connection() as db:
        await _add(db, [1, 2], lane=1)
        await _add(db, [3], lane=0, queue=2)
        (row,) = await jobs.claim(db, "send", Ask(100, 50, last_lane=0), LEASE)
        assert (row["subject_id"], row["lane"]) == (3, 0)


async def test_the_first_lane_comes_first_however_long_the_others_wait(database: Database) -> None:
    async with database.connection() as db:
        for queue in range(1, 20):
            await _add(db, range(queue * 100, queue * 100 + 60), queue=queue, lane=1, due=-3600)
        await _add(db, [7], queue=10, lane=0, due=-1)
        assert 7 in _subjects(await _claim(db, limit=1))
