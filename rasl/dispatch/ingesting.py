"""Applies what Meta's door stored: woken by its NOTIFY, polling where that was missed."""

import asyncio
import datetime as dt

from rasl import clock
from rasl.db.pool import Database
from rasl.dispatch.guard import Guard
from rasl.dispatch.waiting import first_of
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from rasl.services.sending import statuses

LIMIT = 500
POLL_SECONDS = 0.25
SWEEP_SECONDS = 2.0
_PAUSE_SECONDS = 1.0
# Lets a few more deliveries come together: a transaction for each would cost several times as much.
_GATHER_SECONDS = 0.02


class Ingesting:
    """The ingest loop of one worker; each step can be run by itself."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._sweep_at = 0.0
        # What was parked while no worker ran is swept once at the start.
        self._sweep_within: dt.timedelta = statuses.PARKED_FOR
        self._applying, self._sweeping = Guard("apply deliveries"), Guard("sweep parked statuses")

    async def step(self) -> int | None:
        """Apply one batch, and sweep parked statuses when it is time: one may fail, and the other is done.

        Returns how many deliveries were taken up, None after a failure.
        """
        applied = await self._applying.run(lambda: applying.apply_due(self._database, self._sealer, LIMIT))
        if clock.monotonic() >= self._sweep_at:
            await self._sweeping.run(self._sweep)
            self._sweep_at = clock.monotonic() + SWEEP_SECONDS
        return applied

    async def _sweep(self) -> None:
        if await statuses.sweep_parked(self._database, self._sweep_within) == 0:
            self._sweep_within = statuses.SWEPT


async def run(database: Database, sealer: Sealer, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Apply deliveries until stopped; a batch that has begun is finished."""
    ingesting = Ingesting(database, sealer)
    while not stop.is_set():
        wake.clear()
        applied = await ingesting.step()
        if applied is None:
            await first_of((stop,), _PAUSE_SECONDS)
        elif not applied:
            await first_of((wake, stop), POLL_SECONDS)
        elif applied < LIMIT:
            await asyncio.sleep(_GATHER_SECONDS)
