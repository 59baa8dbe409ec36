"""Reads every account's templates from Meta now and then: notices get lost, and some changes have none."""

import asyncio

from rasl.dispatch.guard import Guard
from rasl.services import template_sync
from rasl.services.engine import Engine

POLL_SECONDS = 10.0


async def run(engine: Engine) -> None:
    """Read accounts as their turn comes, until cancelled; what a cut-off reading had written is right all the same."""
    guard = Guard("read templates")
    while True:
        if not await guard.run(lambda: template_sync.reconcile(engine)):
            await asyncio.sleep(POLL_SECONDS)
