"""Templates ready to be bound, remembered until somebody changes them: every process is told at once (db/listening).

What was remembered is also looked up again after a moment, in case the news did not come through: after a shorter one
while it is known that none can.
"""

from collections.abc import Sequence

import msgspec

from rasl import clock
from rasl.db import templates as template_rows
from rasl.db.batch import Batch
from rasl.db.pool import Database, Row
from rasl.db.templates import Wanted
from rasl.domain.templates import definition
from rasl.domain.templates.definition import Definition

HEARING_SECONDS = (
    0.7  # a lost connection, or a pooler that passes no news on, is noticed later than it happens
)
DEAF_SECONDS = 0.1
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
        self._is_hearing = False
        self._changes = 0  # so far: what was read before the last one is not worth remembering
        # A version never changes, so what was read of it holds for ever.
        self._definitions: dict[int, Definition] = {}
        self._loading: Batch[Wanted, Sendable | None] = Batch("templates", self._load)

    async def find(self, wanted: Wanted) -> Sendable | None:
        """Return the template, None when there is none of this name in this language."""
        cached = self._cache.get(wanted)
        if cached is not None and cached[0] >= clock.monotonic():
            return cached[1]
        return await self._loading.put(wanted)

    def hearing(self, is_hearing: bool) -> None:
        """Learn whether changes made elsewhere are told here; those made in the meantime were not."""
        self._is_hearing = is_hearing
        self._forget(list(self._cache))

    def told(self, payload: str) -> None:
        """Hear that somebody changed templates of a tenant, or of all where the news does not say."""
        if payload.isdecimal():
            self.forget(int(payload))
        else:
            self._forget(list(self._cache))

    def forget(self, tenant_id: int) -> None:
        """Look the templates of a tenant up again: somebody has just changed them."""
        self._forget([wanted for wanted in self._cache if wanted.tenant_id == tenant_id])

    def _forget(self, known: Sequence[Wanted]) -> None:
        self._changes += 1
        for wanted in known:
            del self._cache[wanted]

    async def _load(self, wanted: Sequence[Wanted]) -> list[Sendable | Exception | None]:
        changes = self._changes
        expires = clock.monotonic() + (HEARING_SECONDS if self._is_hearing else DEAF_SECONDS)
        async with self._database.connection() as db:
            rows = await template_rows.find_sendable(db, list(set(wanted)))
        if len(self._cache) > _MAX_CACHED:
            self._cache.clear()
        answers: list[Sendable | Exception | None] = []
        for item in wanted:
            row = rows.get(item)
            found = None if row is None else self._sendable(item, row)
            if changes == self._changes:
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
