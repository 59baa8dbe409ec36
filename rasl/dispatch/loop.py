"""The one loop of every kind of job: claim, run each by itself, and let no job take another, or the worker, along."""

import asyncio
import contextlib
from collections.abc import Sequence

import msgspec

from rasl import log
from rasl.db import jobs
from rasl.dispatch.blame import blame
from rasl.dispatch.guard import Guard, is_told_to_end
from rasl.dispatch.kind import Claim, Kind, NotNowError
from rasl.dispatch.waiting import first_of
from rasl.domain import backoff
from rasl.errors import ServiceUnavailable

_PAUSE_SECONDS = 1.0  # after a step that failed
_KILLER = "the processes that worked on it died, one after the other"
_logger = log.get_logger()


class _Return(msgspec.Struct, frozen=True):
    """How a claim goes back; without an error it was no job's fault, and does not count."""

    claim: Claim
    error: str | None = None
    seconds: float | None = _PAUSE_SECONDS


class Loop:
    """The loop of one kind in one worker; each step can be run by itself."""

    def __init__(self, kind: Kind, stop: asyncio.Event | None = None) -> None:
        self.kind = kind
        self._database = kind.resources.database
        self._stop = stop or asyncio.Event()
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._returns: list[_Return] = []  # not written yet, because the database was away
        self._guard = Guard(f"step of {kind.name} jobs")

    async def run(self, wake: asyncio.Event) -> None:
        """Claim and run until stopped, then finish what was begun."""
        self.kind.wake = wake
        while not self._stop.is_set():
            wake.clear()
            found = await self._guard.run(self.step)
            if found is None:
                await first_of((self._stop,), _PAUSE_SECONDS)
            elif not found:
                full = self._running if self.kind.ask(len(self._running)).limit <= 0 else ()
                await first_of((wake, self._stop), self.kind.idle_seconds(), full)
                if self.kind.gather_seconds:
                    await asyncio.sleep(self.kind.gather_seconds)
        await self.end()

    async def step(self) -> int:
        """Claim due jobs and start them; returns how many, 0 if there is nothing to be done now."""
        await self._write_returns()
        ask = self.kind.ask(len(self._running))
        if ask.limit <= 0:
            return 0
        async with self._database.connection() as db:
            rows = await jobs.claim(db, self.kind.name, ask, self.kind.lease)
        if not rows:
            return int(self.kind.asks_again())
        await self._start([Claim(**dict(row)) for row in rows])
        return len(rows)

    async def extend_leases(self) -> None:
        """Tell the database that this process still works on what it holds."""
        held = list(self.kind.held(self._running.values()))
        if held:
            async with self._database.connection() as db:
                await jobs.extend(db, self.kind.name, held, self.kind.lease)

    async def drain(self) -> None:
        """Wait until everything that was begun is settled."""
        while self._running:
            await asyncio.wait(self._running)

    async def end(self) -> None:
        """Finish what was begun, or give it to another process if the kind says so."""
        cut_off = dict(self._running) if self.kind.is_cut_off else {}
        for task in cut_off:
            task.cancel()
        await self.drain()
        for task, claim in cut_off.items():
            if task.cancelled():
                await self._give_back(_Return(claim, seconds=0.0))
        with contextlib.suppress(ServiceUnavailable):
            await self._write_returns()

    async def _start(self, claims: Sequence[Claim]) -> None:
        try:
            sifted = await self.kind.sift(claims)
        except ServiceUnavailable:
            self._returns += [_Return(claim) for claim in claims]
            raise
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            if len(claims) == 1:
                await self._give_back(self._failed(claims[0], error))
                return
            for claim in claims:
                await self._start([claim])
            return
        for claim in sifted:
            task = asyncio.create_task(self._run(claim))
            self._running[task] = claim
            task.add_done_callback(self._running.pop)

    async def _run(self, claim: Claim) -> None:
        if claim.was_abandoned and not self.kind.is_rescued and backoff.job_pause(claim.failures) is None:
            await self._give_back(_Return(claim, _KILLER, None))
            return
        try:
            await self.kind.run(claim, self._stop)
        except ServiceUnavailable:
            await self._give_back(_Return(claim))
        except NotNowError as error:
            await self._give_back(_Return(claim, seconds=error.seconds))
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            await self._give_back(self._failed(claim, error))

    def _failed(self, claim: Claim, error: BaseException) -> _Return:
        failures = claim.failures + 1
        tell = _logger.exception if failures == 1 else _logger.warning
        text = blame(error)
        tell(
            "job_failed",
            kind=self.kind.name,
            tenant_id=claim.tenant_id,
            subject_id=claim.subject_id,
            error=text,
        )
        return _Return(claim, text, backoff.job_pause(failures))

    async def _give_back(self, back: _Return) -> None:
        try:
            await self._write(back)
        except ServiceUnavailable:
            self._returns.append(back)
        except Exception:
            # Its lease runs out, and it is claimed again.
            _logger.exception("job_not_given_back", kind=self.kind.name, subject_id=back.claim.subject_id)

    async def _write_returns(self) -> None:
        """Write what could not be written in an outage, before anybody takes us for dead."""
        while self._returns:
            returns, self._returns = self._returns, []
            for back in returns:
                await self._give_back(back)
            if self._returns:
                raise ServiceUnavailable

    async def _write(self, back: _Return) -> None:
        name, claim = self.kind.name, back.claim
        async with self._database.transaction() as db:
            if back.error is None:
                is_ours = bool(await jobs.release(db, name, [(*claim.holding, back.seconds or 0.0)]))
            else:
                failures = claim.failures + 1
                is_ours = await jobs.put_off(db, name, claim.holding, back.seconds, failures, back.error)
            if is_ours:
                await self.kind.give_back(db, claim, is_set_aside=back.seconds is None)
        if is_ours and back.seconds is None:
            _logger.error("job_set_aside", kind=name, tenant_id=claim.tenant_id, subject_id=claim.subject_id)
