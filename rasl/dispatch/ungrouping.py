"""Takes deleted groups from their contacts, where those were too many to do it while the caller waited."""

import asyncio

from rasl import log
from rasl.db import jobs
from rasl.db.contact_groups import KIND
from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable
from rasl.services import contact_groups

POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 60.0
_logger = log.get_logger()


async def step(database: Database, stop: asyncio.Event) -> bool:
    """Take one deleted group from its contacts; returns whether there was one."""
    async with database.connection() as db:
        found = await jobs.claim(db, KIND, 1, 1, contact_groups.LEASE)
    if not found:
        return False
    tenant_id, group_id, fence = (found[0][name] for name in ("tenant_id", "subject_id", "fence"))
    try:
        await contact_groups.clear_group(database, tenant_id, group_id, fence, stop)
    except ServiceUnavailable:
        raise
    except Exception:
        _logger.exception("ungrouping_failed", tenant_id=tenant_id, group_id=group_id)
        pause = min(_LONGEST_PAUSE_SECONDS, found[0]["attempts"] * _PAUSE_SECONDS)
        async with database.connection() as db:
            await jobs.release(db, KIND, [(tenant_id, group_id, fence, pause)])
    return True


async def run(database: Database, stop: asyncio.Event) -> None:
    """Take deleted groups from their contacts until stopped; what was begun is left to the next worker."""
    while not stop.is_set():
        try:
            if await step(database, stop):
                continue
        except ServiceUnavailable:
            _logger.warning("ungrouping_waits_for_database")
        except Exception:
            _logger.exception("ungrouping_step_failed")
        try:
            await asyncio.wait_for(stop.wait(), POLL_SECONDS)
        except TimeoutError:
            continue
