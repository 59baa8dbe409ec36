"""What one process is sending: group commits of messages and of results, and what it has leased until then."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import jobs
from rasl.db import messages as message_rows
from rasl.db.batch import Batch
from rasl.db.jobs import Holding
from rasl.db.messages import Result
from rasl.services.composing.draft import Draft
from rasl.services.ground.resources import Resources
from rasl.services.otp import progress
from rasl.services.sending import accepting
from rasl.services.sending.behind import Behind
from rasl.services.sending.keys import Keys
from rasl.services.sending.unsent import Returns
from rasl.services.sending.work import Accepted

_FINISH_SECONDS = 10.0


class Recorded(msgspec.Struct, frozen=True):
    """Whether a result was written under a fence that held, and whether statuses already waited for its wamid."""

    is_owned: bool
    has_parked: bool


class Outbox:
    """The messages that one process, API or worker, is sending."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        database = resources.database
        self.lease = dt.timedelta(seconds=resources.settings.lease_seconds)
        self.behind = Behind()
        self.keys = Keys(database, self.behind, self.lease)
        self.returns = Returns(database, self.behind)
        self.accepting: Batch[Draft, Accepted] = Batch("accept", self._accept)
        self.accepting_first: Batch[Draft, Accepted] = Batch("accept_first", self._accept)
        self.recording: Batch[Result, Recorded] = Batch("record", self._record, limit=100_000)
        # Leases this process holds: (tenant_id, message_id) -> fence, kept alive by the heartbeat.
        self.leases: dict[tuple[int, int], int] = {}

    @property
    def in_flight(self) -> int:
        """Return how many messages this process holds."""
        return len(self.leases) + len(self.returns.leases)

    def held(self) -> list[Holding]:
        """Return what shows that these messages are ours: what is being sent, and what still has to go back."""
        return [(*key, fence) for key, fence in (self.returns.leases | self.leases).items()]

    async def renew(self) -> None:
        """Tell the database that this process still works on what it holds: messages and Idempotency-Keys."""
        held = self.held()
        try:
            if held:
                async with self.resources.database.connection() as db:
                    await jobs.extend(db, "send", held, self.lease)
        finally:
            await self.keys.renew()

    async def finish(self) -> None:
        """Wait until everything that this process has decided is written: part of a graceful stop."""
        await self.behind.finish(_FINISH_SECONDS)

    async def _accept(self, drafts: Sequence[Draft]) -> list[Accepted | Exception]:
        return await accepting.accept(self.resources.database, drafts, self.lease)

    async def _record(self, results: Sequence[Result]) -> list[Recorded | Exception]:
        # One order in every process, so that two transactions never wait for each other's rows.
        ordered = sorted(results, key=lambda item: (item.tenant_id, item.message_id))
        codes = [(item.tenant_id, item.message_id) for item in ordered if item.carries_code]
        database = self.resources.database
        async with database.transaction() if codes else database.connection() as db:
            rows = await message_rows.record_results(db, ordered)
            if codes:
                await progress.record(db, [key for key in codes if key[1] in rows])
        return [
            Recorded(is_owned=item.message_id in rows, has_parked=rows.get(item.message_id, False))
            for item in results
        ]
