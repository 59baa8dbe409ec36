"""Reads every account's templates from Meta now and then: notices get lost, and some changes have none."""

import asyncio

from rasl.dispatch.guard import Guard
from rasl.services.ground.resources import Resources
from rasl.services.templates import sync

POLL_SECONDS = 10.0


async def run(resources: Resources) -> None:
    """Read accounts as their turn comes, until cancelled; what a cut-off reading had written is right all the same."""
    guard = Guard("read templates")
    while True:
        if not await guard.run(lambda: sync.reconcile(resources)):
            await asyncio.sleep(POLL_SECONDS)
