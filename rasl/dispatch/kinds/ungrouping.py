"""Takes deleted groups from their contacts, where those were too many to do it while the caller waited."""

import asyncio

from rasl.db.contact_groups import KIND
from rasl.dispatch.kind import Claim, Kind
from rasl.services.contacts import groups


class Ungrouping(Kind):
    """The kind of job that takes one deleted group from all contacts; the queue is the tenant."""

    name = KIND
    lease = groups.LEASE

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:
        """Do it some thousand contacts at a time; what is left at a stop is the next worker's."""
        await groups.clear_group(self.resources.database, *claim.holding, stop)
