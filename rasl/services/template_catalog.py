"""Templates ready to be bound, remembered so briefly that a pause at Meta holds within a second everywhere."""

from collections.abc import Sequence

import msgspec

from rasl import clock
from rasl.db import templates as template_rows
from rasl.db.batch import Batch
from rasl.db.pool import Database, Row
from rasl.db.templates import Wanted
from rasl.domain.templates import definition
from rasl.domain.templates.definition import Definition

CACHE_SECONDS = 0.7
_MAX_CACHED = 10_000
_MAX_DEFINITIONS = 2_000


class Sendable(msgspec.Struct, frozen=True):
    """A template as it stands, with its definition."""

    name: str
    language: str
    status: str
    reason: str | None
    version_id: int
    definition: Definition


class Catalog:
    """Finds templates by what names them in a send; one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: dict[Wanted, tuple[float, Sendable | None]] = {}
        # A version never changes, so what was read of it holds for ever.
        self._definitions: dict[int, Definition] = {}
        self._loading: Batch[Wanted, Sendable | None] = Batch("templates", self._load)

    async def find(self, wanted: Wanted) -> Sendable | None:
        """Return the template, None when there is none of this name in this language."""
        cached = self._cache.get(wanted)
        if cached is not None and cached[0] >= clock.monotonic():
            return cached[1]
        return await self._loading.put(wanted)

    def forget(self) -> None:
        """Look everything up again: somebody has just changed it through this process."""
        self._cache.clear()

    async def _load(self, wanted: Sequence[Wanted]) -> list[Sendable | Exception | None]:
        expires = clock.monotonic() + CACHE_SECONDS
        async with self._database.connection() as db:
            rows = await template_rows.find_sendable(db, list(set(wanted)))
        if len(self._cache) > _MAX_CACHED:
            self._cache.clear()
        answers: list[Sendable | Exception | None] = []
        for item in wanted:
            row = rows.get(item)
            found = None if row is None else self._sendable(item, row)
            self._cache[item] = (expires, found)
            answers.append(found)
        return answers

    def _sendable(self, wanted: Wanted, row: Row) -> Sendable:
        reasons = (row["rejected_reason"], row["status_details"])
        return Sendable(
            name=wanted.name,
            language=wanted.language,
            status=row["status"],
            reason=": ".join(reason for reason in reasons if reason) or None,
            version_id=row["version_id"],
            definition=self._definition(row),
        )

    def _definition(self, row: Row) -> Definition:
        known = self._definitions.get(row["version_id"])
        if known is None:
            if len(self._definitions) > _MAX_DEFINITIONS:
                self._definitions.clear()
            known = definition.read(row["components"], row["category"], row["parameter_format"])
            self._definitions[row["version_id"]] = known
        return known
