"""Makes the deliveries of what happened: one for each endpoint that wants to be told."""

import asyncio
import datetime as dt
from collections.abc import Sequence

from rasl.db.channels import WEBHOOKS
from rasl.db.webhook_fanning import EVENT_KIND
from rasl.dispatch.kind import Claim, Kind
from rasl.services.sending.outbox import Outbox
from rasl.services.webhooks.fanning import fan_out


class Fanning(Kind):
    """The kind of job that makes deliveries of one event; the queue is the tenant. All of a claim is done at once."""

    name = EVENT_KIND
    channel = WEBHOOKS
    in_flight = 500
    per_queue = 500
    gather_seconds = 0.01
    is_rescued = True  # it calls nobody

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        self.lease = dt.timedelta(seconds=self.resources.settings.lease_seconds)

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Make the deliveries of all of them."""
        await fan_out(self.resources.database, [claim.holding for claim in claims])
        return ()

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:
        """Do nothing: all was done before."""
