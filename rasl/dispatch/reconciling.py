"""Reads every account's templates from Meta now and then: notices get lost, and some changes have none."""

import asyncio

from rasl import log
from rasl.errors import ServiceUnavailable
from rasl.services import template_sync
from rasl.services.engine import Engine

POLL_SECONDS = 10.0
_logger = log.get_logger()


async def run(engine: Engine) -> None:
    """Read accounts as their turn comes, until cancelled; what a cut-off reading had written is right all the same."""
    while True:
        found = 0
        try:
            found = await template_sync.reconcile(engine)
        except ServiceUnavailable:
            _logger.warning("reconciling_waits_for_database")
        except Exception:
            _logger.exception("reconciling_failed")
        if not found:
            await asyncio.sleep(POLL_SECONDS)
