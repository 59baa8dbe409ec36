"""Deliveries that wait without a job, until their endpoint is active again, its account too, or for a replay."""

from rasl.db import webhook_deliveries as rows
from rasl.db.pool import Database
from rasl.services.webhooks.delivering import ENDED

_ENDPOINTS = 200
_AT_ONCE = 500  # of one endpoint, before the next one's turn


async def wake_all(database: Database) -> int:
    """Let all go on whose endpoint works, and end those whose endpoint will not come back; returns how many."""
    total, after = 0, (0, 0)
    while True:
        async with database.connection() as db:
            endpoints = await rows.list_endpoints_waited_for(db, after, _ENDPOINTS)
        for endpoint in endpoints:
            key = endpoint["tenant_id"], endpoint["endpoint_id"]
            if endpoint["is_over"]:
                async with database.connection() as db:
                    total += await rows.drop_waiting(db, *key, _AT_ONCE, ENDED)
            elif endpoint["is_working"]:
                async with database.connection() as db:
                    total += await rows.wake(db, *key, _AT_ONCE)
        if len(endpoints) < _ENDPOINTS:
            return total
        after = key
