"""Deliveries that wait without a job, until their endpoint is active again, its account too, or for a replay."""

from rasl import log
from rasl.db import webhook_deliveries as rows
from rasl.db.pool import Database, Row
from rasl.errors import ServiceUnavailable
from rasl.services.webhooks.delivering import ENDED

_ENDPOINTS = 200
_AT_ONCE = 500  # of one endpoint, before the next one's turn
_logger = log.get_logger()


async def wake_all(database: Database) -> int:
    """Let all go on whose endpoint works, and end those whose endpoint will not come back; returns how many.

    An endpoint whose deliveries cannot be woken, for whatever reason, does not keep the others waiting.
    """
    total, after = 0, (0, 0)
    while True:
        async with database.connection() as db:
            endpoints = await rows.list_endpoints_waited_for(db, after, _ENDPOINTS)
        for endpoint in endpoints:
            after = endpoint["tenant_id"], endpoint["endpoint_id"]
            try:
                total += await _wake(database, endpoint)
            except ServiceUnavailable:  # the whole database: nobody gets any further
                raise
            except Exception:
                _logger.exception("webhook_not_woken", tenant_id=after[0], endpoint_id=after[1])
        if len(endpoints) < _ENDPOINTS:
            return total


async def wake_one(database: Database, tenant_id: int, endpoint_id: int) -> None:
    """Let what waits for one endpoint go on at once, if the endpoint works."""
    async with database.connection() as db:
        found = await rows.list_endpoints_waited_for(db, (tenant_id, endpoint_id - 1), 1)
    for endpoint in found:
        if (endpoint["tenant_id"], endpoint["endpoint_id"]) == (tenant_id, endpoint_id):
            await _wake(database, endpoint)


async def _wake(database: Database, endpoint: Row) -> int:
    key = endpoint["tenant_id"], endpoint["endpoint_id"]
    async with database.connection() as db:
        if endpoint["is_over"]:
            return await rows.drop_waiting(db, *key, _AT_ONCE, ENDED)
        return await rows.wake(db, *key, _AT_ONCE) if endpoint["is_working"] else 0
