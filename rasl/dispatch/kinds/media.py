"""Loads the files that people send, a few at once for each number."""

import asyncio

from rasl.db import messages
from rasl.db.media import KIND
from rasl.db.pool import Db
from rasl.dispatch.kind import Claim, Kind
from rasl.dispatch.numbers import Numbers
from rasl.services.media import receiving
from rasl.services.sending.outbox import Outbox

_SET_ASIDE = "The file could not be loaded from WhatsApp: something on our side failed again and again"


class ReceivingMedia(Kind):
    """The kind of job that loads the file of one inbound message; the queue is the number it came to."""

    name = KIND
    lease = receiving.LEASE
    in_flight = 16
    per_queue = 4
    is_cut_off = True  # loading it again harms nobody

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        self._numbers = Numbers(self.resources)

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - it is cut off instead
        """Load it and store it, or say on the message why there is none."""
        async with self.resources.database.connection() as db:
            await self._numbers.load(db, [claim.queue_id])
        number = self._numbers[claim.queue_id].opened()
        await receiving.load(self.resources, number, claim.holding, claim.attempts)

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        """Say on the message why it has no file."""
        if is_set_aside:
            await messages.explain(db, *claim.key, _SET_ASIDE)
