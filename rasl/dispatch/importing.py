"""Applies contact imports: small ones first, and a few chunks of each tenant's in turn."""

import asyncio

from rasl import log
from rasl.db import jobs
from rasl.db.contact_imports import KIND
from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable
from rasl.services import applying_imports
from rasl.services.applying_imports import Holding, LostError

POLL_SECONDS = 1.0
TURN_CHUNKS = 10  # then it is another tenant's turn
TRIES = 5
_PAUSE_SECONDS = 1.0
_logger = log.get_logger()


class Importing:
    """The import loop of one worker; each step can be run by itself."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._served: list[int] = []  # tenants that had their turn in this round

    async def step(self) -> bool:
        """Apply a few chunks of one import; returns whether there was one."""
        async with self._database.connection() as db:
            found = await jobs.claim(db, KIND, 1, 1, applying_imports.LEASE, self._served)
        if not found:
            had_round, self._served = bool(self._served), []
            return had_round
        row = found[0]
        self._served.append(row["tenant_id"])
        holding = Holding(row["tenant_id"], row["subject_id"], row["fence"])
        try:
            await self._take_turn(holding, row["attempts"])
        except LostError:
            _logger.info("import_went_elsewhere", import_id=holding.import_id)
        return True

    async def _take_turn(self, holding: Holding, attempts: int) -> None:
        if attempts > TRIES:
            await applying_imports.fail(
                self._database, holding, "The import could not be applied; what was imported so far stays"
            )
            return
        try:
            is_finished = await applying_imports.apply(self._database, holding, TURN_CHUNKS)
        except (LostError, ServiceUnavailable):
            raise
        except Exception:
            _logger.exception("import_step_failed", tenant_id=holding.tenant_id, import_id=holding.import_id)
            await applying_imports.give_back(self._database, holding, attempts * _PAUSE_SECONDS)
            return
        if not is_finished:
            async with self._database.connection() as db:
                await jobs.release(db, KIND, [(holding.tenant_id, holding.import_id, holding.fence, 0.0)])

    async def careful_step(self) -> bool:
        """Run a step; a failure costs a pause."""
        try:
            return await self.step()
        except ServiceUnavailable:
            _logger.warning("import_waits_for_database")
        except Exception:
            _logger.exception("import_step_failed")
        await asyncio.sleep(_PAUSE_SECONDS)
        return False


async def run(database: Database, stop: asyncio.Event) -> None:
    """Apply imports until stopped; a turn that has begun is finished."""
    importing = Importing(database)
    while not stop.is_set():
        if not await importing.careful_step():
            try:
                await asyncio.wait_for(stop.wait(), POLL_SECONDS)
            except TimeoutError:
                continue
