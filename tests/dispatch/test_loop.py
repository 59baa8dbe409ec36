"""The one loop of every kind of job, on a kind that does what the test says."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

import asyncpg
import pytest

from rasl.db import jobs
from rasl.db.jobs import NewJob
from rasl.db.pool import Database, Db, Row
from rasl.dispatch.kind import Claim, Kind
from rasl.dispatch.loop import Loop
from rasl.domain import backoff
from rasl.errors import ServiceUnavailable
from tests.dispatch.looping import step
from tests.dispatch.test_guard import FAILURES
from tests.world import World

BAD = 13
Act = Callable[[Claim], Any]


class Probe(Kind):
    """Does what the test says; by itself it settles its job."""

    name = "probe"
    in_flight = 50
    per_queue = 50

    def __init__(self, database: Database, act: Act | None = None) -> None:
        super().__init__(cast("Any", SimpleNamespace(resources=SimpleNamespace(database=database))))
        self.lease = dt.timedelta(seconds=60)
        self.done: Counter[int] = Counter()
        self.sifting: Act | None = None
        self.returned: list[tuple[int, bool]] = []
        self._act = act

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        for claim in claims:
            if self.sifting:
                self.sifting(claim)
        return claims

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - ends by itself
        if self._act and (waits := self._act(claim)):
            await waits
        self.done[claim.subject_id] += 1
        async with self.outbox.resources.database.connection() as db:
            await jobs.discard(db, self.name, [claim.holding])

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        assert db.is_in_transaction()
        self.returned.append((claim.subject_id, is_set_aside))


def failing_with(error: BaseException) -> Act:
    """Fail for one job."""

    def act(claim: Claim) -> None:
        if claim.subject_id == BAD:
            raise error

    return act


async def add(database: Database, tenant_id: int, *subjects: int) -> None:
    async with database.connection() as db:
        await jobs.add(db, "probe", [NewJob(tenant_id, subject, subject) for subject in subjects])


async def rows(database: Database) -> dict[int, Row]:
    sql = "select *, due_at > now() as is_later from jobs where kind = 'probe'"
    async with database.connection() as db:
        return {row["subject_id"]: row for row in await db.fetch(sql)}


async def hurry(database: Database) -> None:
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now() where set_aside_at is null")


@pytest.mark.parametrize("failure", FAILURES[:-1], ids=lambda failure: type(failure).__name__)
async def test_whatever_is_raised_puts_that_job_off_and_touches_no_other(
    database: Database, world: World, failure: BaseException
) -> None:
    await add(database, world.acme.tenant_id, 1, BAD, 2)
    probe = Probe(database, failing_with(failure))
    assert await step(Loop(probe)) == 3
    assert probe.done == {1: 1, 2: 1}
    left = await rows(database)
    assert left.keys() == {BAD}
    assert (left[BAD]["failures"], left[BAD]["attempts"], left[BAD]["is_leased"]) == (1, 0, False)
    assert left[BAD]["is_later"]
    assert left[BAD]["last_error"].startswith(type(failure).__name__)
    assert probe.returned == [(BAD, False)]


async def test_what_fails_in_the_work_on_a_batch_is_found_one_by_one(
    database: Database, world: World
) -> None:
    await add(database, world.acme.tenant_id, 1, BAD, 2)
    probe = Probe(database)
    probe.sifting = failing_with(KeyError("hologram"))
    assert await step(Loop(probe)) == 3
    assert probe.done == {1: 1, 2: 1}
    assert (await rows(database))[BAD]["failures"] == 1


async def test_after_too_many_failures_it_is_set_aside_until_it_is_retried(
    database: Database, world: World
) -> None:
    await add(database, world.acme.tenant_id, BAD)
    probe = Probe(database, failing_with(RuntimeError()))
    for _ in range(backoff.MAX_JOB_FAILURES):
        await hurry(database)
        assert await step(Loop(probe)) == 1
    assert probe.returned[-2:] == [(BAD, False), (BAD, True)]
    assert await step(Loop(probe)) == 0
    async with database.connection() as db:
        (shown,) = await jobs.list_failing(db, None, None, 10)
        (counted,) = await jobs.count_failing(db)
        assert (shown["subject_id"], shown["failures"], shown["due_at"]) == (
            BAD,
            backoff.MAX_JOB_FAILURES,
            None,
        )
        assert (counted["failing"], counted["set_aside"]) == (0, 1)
        (waiting,) = await jobs.backlog(db)
        assert (waiting["waiting"], waiting["lag"]) == (0, 0)
        assert (
            await jobs.retry(db, "send", None, None)
            == await jobs.retry(db, None, world.globex.tenant_id, None)
            == 0
        )
        assert await jobs.retry(db, "probe", world.acme.tenant_id, BAD) == 1
    good = Probe(database)
    assert await step(Loop(good)) == 1
    assert good.done == {BAD: 1}
    assert await rows(database) == {}


async def test_an_outage_is_no_failure_of_the_job_and_it_goes_back_when_that_is_over(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, world.acme.tenant_id, BAD)
    probe = Probe(database, failing_with(ServiceUnavailable()))
    loop = Loop(probe)
    release = jobs.release

    async def refuse(*_: object) -> set[tuple[int, int]]:
        raise ServiceUnavailable

    monkeypatch.setattr(jobs, "release", refuse)
    assert await step(loop) == 1
    with pytest.raises(ServiceUnavailable):  # it is still away: nothing is claimed
        await loop.step()
    assert (await rows(database))[BAD]["is_leased"]
    monkeypatch.setattr(jobs, "release", release)
    assert await step(loop) == 0
    left = (await rows(database))[BAD]
    assert (left["is_leased"], left["failures"], left["is_later"]) == (False, 0, True)
    assert probe.returned == [(BAD, False)]


async def test_who_lost_the_lease_puts_nothing_off(database: Database, world: World) -> None:
    await add(database, world.acme.tenant_id, BAD)

    async def lose() -> None:
        async with database.connection() as db:
            await db.execute("update jobs set fence = fence + 1")
        raise RuntimeError

    probe = Probe(database, lambda _: lose())
    await step(Loop(probe))
    assert (await rows(database))[BAD]["failures"] == 0
    assert probe.returned == []


async def test_a_job_that_kills_one_process_after_another_is_set_aside(
    database: Database, world: World
) -> None:
    await add(database, world.acme.tenant_id, BAD)
    probe = Probe(database)
    async with database.connection() as db:
        for deaths in range(backoff.MAX_JOB_FAILURES):
            (row,) = await jobs.claim(db, "probe", probe.ask(0), probe.lease)
            assert row["failures"] == deaths
            await db.execute("update jobs set due_at = now()")
    assert await step(Loop(probe)) == 1
    assert not probe.done
    left = (await rows(database))[BAD]
    assert left["set_aside_at"] is not None
    assert "died" in left["last_error"]


async def test_two_workers_share_the_work_and_do_none_of_it_twice(database: Database, world: World) -> None:
    await add(database, world.acme.tenant_id, *range(100, 300))
    probes = [Probe(database), Probe(database)]

    async def work(probe: Probe) -> None:
        loop = Loop(probe)
        while await step(loop):
            pass

    await asyncio.gather(*map(work, probes))
    await asyncio.gather(*map(work, probes))  # what one of them stepped over at the end
    done = probes[0].done + probes[1].done
    assert set(done) == set(range(100, 300))
    assert set(done.values()) == {1}


async def test_leases_of_what_runs_are_renewed(database: Database, world: World) -> None:
    await add(database, world.acme.tenant_id, 1)
    may_end = asyncio.Event()
    loop = Loop(Probe(database, lambda _: may_end.wait()))
    await loop.step()
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now() - interval '1 second'")
    await loop.extend_leases()
    assert (await rows(database))[1]["is_later"]
    may_end.set()
    await loop.drain()


@pytest.mark.parametrize("is_cut_off", [False, True])
async def test_a_stop_finishes_what_was_begun_or_leaves_it_to_another_process(
    database: Database, world: World, is_cut_off: bool
) -> None:
    await add(database, world.acme.tenant_id, 1)
    began, may_end, stop = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def wait() -> None:
        began.set()
        await may_end.wait()

    probe = Probe(database, lambda _: wait())
    probe.is_cut_off = is_cut_off
    running = asyncio.create_task(Loop(probe, stop).run(asyncio.Event()))
    await asyncio.wait_for(began.wait(), 30)
    stop.set()
    if not is_cut_off:
        await asyncio.sleep(0)
        assert not running.done()
        may_end.set()
    await asyncio.wait_for(running, 30)
    left = await rows(database)
    if is_cut_off:
        assert (left[1]["is_leased"], left[1]["failures"], left[1]["is_later"]) == (False, 0, False)
    else:
        assert not left


async def test_a_step_that_fails_ends_no_loop(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(database, world.acme.tenant_id, 1)
    claim, failures = jobs.claim, [asyncpg.DeadlockDetectedError(), asyncio.CancelledError(), TimeoutError()]

    async def fail_at_first(*arguments: Any) -> list[Row]:
        if failures:
            raise failures.pop()
        return await claim(*arguments)

    monkeypatch.setattr("rasl.dispatch.loop._PAUSE_SECONDS", 0)
    monkeypatch.setattr(jobs, "claim", fail_at_first)
    stop, done = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(Loop(Probe(database, lambda _: done.set()), stop).run(asyncio.Event()))
    await asyncio.wait_for(done.wait(), 30)
    stop.set()
    await asyncio.wait_for(running, 30)
