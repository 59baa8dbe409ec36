"""Tells of contacts that came in or changed by the thousand: an event each, in place of the bundle that named them."""

import asyncio
import datetime as dt

from rasl.db import contact_events, jobs
from rasl.dispatch.kind import Claim, Kind

_LEASE = dt.timedelta(seconds=60)


class Telling(Kind):
    """The kind of job that takes one bundle apart; the queue is the tenant."""

    name = contact_events.KIND
    lease = _LEASE

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - a bundle is one chunk of an import
        """Put its events in its place."""
        async with self.resources.database.transaction() as db:
            if await jobs.hold(db, self.name, *claim.holding, self.lease):
                await contact_events.tell_bundle(db, claim.tenant_id, claim.subject_id)
                await jobs.discard(db, self.name, [claim.holding])
