"""Applies contact imports: small ones first, and a few chunks of each tenant's in turn."""

import asyncio

from rasl import log
from rasl.db import imports, jobs
from rasl.db.imports import KIND
from rasl.db.jobs import Ask
from rasl.db.pool import Db
from rasl.dispatch.kind import Claim, Kind
from rasl.services.imports import chunks
from rasl.services.imports.chunks import LostError
from rasl.services.sending.outbox import Outbox

TURN_CHUNKS = 10  # then it is another tenant's turn
_SET_ASIDE = "The import could not be applied; what was imported so far stays"
_logger = log.get_logger()


class Importing(Kind):
    """The kind of job that applies one import; the queue is the tenant."""

    name = KIND
    lease = chunks.LEASE

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        # Tenants that had their turn in this round, however small their imports are.
        self._served: list[int] = []

    def ask(self, running: int) -> Ask:
        """Claim one import of a tenant who had no turn in this round."""
        return Ask(self.in_flight - running, 1, tuple(self._served))

    def asks_again(self) -> bool:
        """Begin a new round when everybody had a turn."""
        had_round, self._served = bool(self._served), []
        return had_round

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - a turn is short, and finished
        """Apply a few chunks; what is left stands in line again."""
        self._served.append(claim.queue_id)
        try:
            is_finished = await chunks.apply(self.resources.database, claim.holding, TURN_CHUNKS)
        except LostError:
            _logger.info("import_went_elsewhere", import_id=claim.subject_id)
            return
        if not is_finished:
            async with self.resources.database.connection() as db:
                await jobs.release(db, KIND, [(*claim.holding, 0.0)])

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        """Tell whoever waits for it that it failed; an operator may still have it go on."""
        if is_set_aside:
            await imports.fail(db, *claim.key, _SET_ASIDE)
