"""Messages of this process that Meta never got, as it knows: put back into the queue, not left to become `unknown`.

The process may have lost the database at any moment: while the message was committed, before its turn came, or while
the worker marked it. As long as the process lives it knows that it called nobody. If it dies first, the ordinary rescue
applies.
"""

import asyncio
from collections.abc import Sequence

from rasl.db import unsent as rows
from rasl.db.batch import Batch
from rasl.db.pool import Database
from rasl.db.unsent import Found, Unsent
from rasl.errors import ServiceUnavailable
from rasl.services.sending.behind import Behind

# How long a request waits for the database to come back before it is answered without knowing.
PATIENCE = 3.0
_SEVERAL = 256  # one statement's worth


class Returns:
    """What this process has to put back; it keeps the leases until then."""

    def __init__(self, database: Database, behind: Behind) -> None:
        self._database = database
        self._behind = behind
        self._writing: Batch[Unsent, Found] = Batch("put_back", self._write, size=_SEVERAL, limit=100_000)
        # Leases that are still ours: (tenant_id, message_id) -> fence, kept alive by the heartbeat.
        self.leases: dict[tuple[int, int], int] = {}

    def start(self, item: Unsent) -> asyncio.Task[Found | None]:
        """Put a message back, now or as soon as the database is there."""
        key = (item.tenant_id, item.message_id)
        self.leases[key] = item.fence
        task = self._behind.start(
            lambda: self._put_back(item), "unsent_message_waits_for_database", message_id=item.message_id
        )
        task.add_done_callback(lambda _: self.leases.pop(key, None))
        return task

    async def put_back(self, item: Unsent) -> Found | None:
        """Put a message back and tell how it stands; None when the database did not come back in time."""
        task = self.start(item)
        await asyncio.wait({task}, timeout=PATIENCE)
        return task.result() if task.done() else None

    async def _put_back(self, item: Unsent) -> Found:
        found = await self._writing.put(item)
        if found.is_moving:
            # Somebody is about to write what he takes for the truth: look again when he has.
            raise ServiceUnavailable
        return found

    async def _write(self, items: Sequence[Unsent]) -> list[Found | Exception]:
        async with self._database.transaction() as db:
            xids = [item.xid for item in items if item.xid is not None]
            pending = await rows.find_pending(db, xids) if xids else set()
            settled = [item for item in items if item.xid not in pending]
            found = dict(zip(settled, await rows.put_back(db, settled), strict=True))
        return [found.get(item, Found(is_moving=True)) for item in items]
