"""Applies what Meta's door stored: woken by its NOTIFY, polling where that was missed."""

import asyncio
import datetime as dt

from rasl import clock, log
from rasl.db.pool import Database
from rasl.dispatch.waiting import first_of
from rasl.errors import ServiceUnavailable
from rasl.sealing import Sealer
from rasl.services import inbound, statuses

LIMIT = 500
POLL_SECONDS = 0.25
SWEEP_SECONDS = 2.0
_PAUSE_SECONDS = 1.0
# Lets a few more deliveries come together: a transaction for each would cost several times as much.
_GATHER_SECONDS = 0.02
_logger = log.get_logger()


class Ingesting:
    """The ingest loop of one worker; each step can be run by itself."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._sweep_at = 0.0
        # What was parked while no worker ran is swept once at the start.
        self._sweep_within: dt.timedelta = statuses.PARKED_FOR
        self._is_out = False

    async def step(self) -> int:
        """Apply one batch, and sweep parked statuses when it is time; returns how many deliveries were taken up."""
        applied = await inbound.apply_due(self._database, self._sealer, LIMIT)
        if clock.monotonic() >= self._sweep_at:
            if await statuses.sweep_parked(self._database, self._sweep_within) == 0:
                self._sweep_within = statuses.SWEPT
            self._sweep_at = clock.monotonic() + SWEEP_SECONDS
        return applied

    async def careful_step(self) -> int:
        """Run a step; a failure costs a pause and, for a whole outage, one line of log."""
        try:
            applied = await self.step()
        except ServiceUnavailable:
            if not self._is_out:
                _logger.warning("ingest_waits_for_database")
            self._is_out = True
        except Exception:
            _logger.exception("ingest_step_failed")
        else:
            self._is_out = False
            return applied
        await asyncio.sleep(_PAUSE_SECONDS)
        return 0


async def run(database: Database, sealer: Sealer, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Apply deliveries until stopped; a batch that has begun is finished."""
    ingesting = Ingesting(database, sealer)
    while not stop.is_set():
        wake.clear()
        applied = await ingesting.careful_step()
        if not applied:
            await first_of((wake, stop), POLL_SECONDS)
        elif applied < LIMIT:
            await asyncio.sleep(_GATHER_SECONDS)
