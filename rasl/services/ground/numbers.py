"""The numbers a tenant sends from: found by what names them, and remembered as briefly as callers are."""

from collections.abc import Sequence

from rasl import clock
from rasl.db import numbers as number_rows
from rasl.db.batch import Batch
from rasl.db.numbers import Wanted
from rasl.db.pool import Database
from rasl.domain.tenants import Number
from rasl.errors import WhatsAppNotConfigured
from rasl.sealing import Sealer
from rasl.services.ground.callers import CACHE_SECONDS, read_number

_MAX_CACHED = 10_000


class Numbers:
    """Finds numbers beside the default one, which comes with the caller; one per process."""

    def __init__(self, database: Database, sealer: Sealer) -> None:
        self._database = database
        self._sealer = sealer
        self._cache: dict[Wanted, tuple[float, Number]] = {}
        self._loading: Batch[Wanted, Number | None] = Batch("numbers", self._load)

    async def find(self, tenant_id: int, phone_number_id: str) -> Number | None:
        """Return a number of the tenant by Meta's id of it, None when the tenant has no such number."""
        return await self._find(Wanted(tenant_id, phone_number_id=phone_number_id))

    async def get(self, tenant_id: int, number_id: int) -> Number:
        """Return the number of a conversation; raises WhatsAppNotConfigured when it is connected no more."""
        found = await self._find(Wanted(tenant_id, number_id))
        if found is None:
            raise WhatsAppNotConfigured
        return found

    async def _find(self, wanted: Wanted) -> Number | None:
        cached = self._cache.get(wanted)
        if cached is not None and cached[0] >= clock.monotonic():
            return cached[1]
        return await self._loading.put(wanted)

    async def _load(self, wanted: Sequence[Wanted]) -> list[Number | Exception | None]:
        expires = clock.monotonic() + CACHE_SECONDS
        async with self._database.connection() as db:
            rows = await number_rows.find(db, list(set(wanted)))
        if len(self._cache) > _MAX_CACHED:
            self._cache.clear()
        answers: list[Number | Exception | None] = []
        for item in wanted:
            row = rows.get(item)
            number = None if row is None else read_number(row, self._sealer)
            if number is not None:
                self._cache[item] = (expires, number)
            answers.append(number)
        return answers
