"""What sending needs, put together once at the roof: database, Graph, limits, and the group commits."""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import messages as message_rows
from rasl.db.batch import Batch
from rasl.db.messages import Result
from rasl.db.pool import Database
from rasl.fetching.fetcher import Fetcher
from rasl.graph.client import GraphClient
from rasl.media_store.base import MediaStore
from rasl.sealing import Sealer
from rasl.services.ground.limits import Limits
from rasl.services.ground.numbers import Numbers
from rasl.services.ground.template_catalog import Catalog
from rasl.services.otp import progress
from rasl.services.sending import accepting
from rasl.services.sending.accepting import Accepted, Draft
from rasl.services.sending.behind import Behind
from rasl.services.sending.keys import Keys
from rasl.services.sending.unsent import Returns
from rasl.settings import Settings

_UPLOADS_AT_ONCE = 16
_CONVERSIONS_AT_ONCE = 2


class Recorded(msgspec.Struct, frozen=True):
    """Whether a result was written under a fence that held, and whether statuses already waited for its wamid."""

    is_owned: bool
    has_parked: bool


class Engine:
    """The sending side of one process, API or worker alike."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        graph: GraphClient,
        sealer: Sealer,
        media_store: MediaStore,
        fetcher: Fetcher,
    ) -> None:
        self.settings = settings
        self.database = database
        self.graph = graph
        self.sealer = sealer
        self.media_store = media_store
        self.fetcher = fetcher
        self.limits = Limits(database)
        self.numbers = Numbers(database, sealer)
        self.templates = Catalog(database)
        self.lease = dt.timedelta(seconds=settings.lease_seconds)
        self.behind = Behind()
        self.keys = Keys(database, self.behind, self.lease)
        self.returns = Returns(database, self.behind)
        self.accepting: Batch[Draft, Accepted] = Batch("accept", self._accept)
        self.accepting_first: Batch[Draft, Accepted] = Batch("accept_first", self._accept)
        self.recording: Batch[Result, Recorded] = Batch("record", self._record, limit=100_000)
        # Leases this process holds: (tenant_id, message_id) -> fence, kept alive by the heartbeat.
        self.holdings: dict[tuple[int, int], int] = {}
        # Files on their way to Meta: (tenant_id, media_id, number_id) -> the upload everybody waits for.
        self.uploading: dict[tuple[int, int, int], asyncio.Task[Any]] = {}
        self.upload_places = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        self.converting = asyncio.Semaphore(_CONVERSIONS_AT_ONCE)

    async def _accept(self, drafts: Sequence[Draft]) -> list[Accepted | Exception]:
        return await accepting.accept(self.database, drafts, self.lease)

    async def _record(self, results: Sequence[Result]) -> list[Recorded | Exception]:
        # One order in every process, so that two transactions never wait for each other's rows.
        ordered = sorted(results, key=lambda item: (item.tenant_id, item.message_id))
        codes = [(item.tenant_id, item.message_id) for item in ordered if item.carries_code]
        if codes:
            async with self.database.transaction() as db:
                rows = await message_rows.record_results(db, ordered)
                await progress.record(db, [key for key in codes if key[1] in rows])
        else:
            async with self.database.connection() as db:
                rows = await message_rows.record_results(db, ordered)
        return [
            Recorded(is_owned=item.message_id in rows, has_parked=rows.get(item.message_id, False))
            for item in results
        ]
