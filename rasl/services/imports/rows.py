"""Rows of a file become arrivals: what each came to, also where nothing is written because it is a dry run."""

from collections.abc import Sequence

import msgspec

from rasl.db import contacts, import_notes
from rasl.db.contacts import Key
from rasl.db.import_notes import Note
from rasl.db.pool import Db, Row
from rasl.domain.contact_csv import ContactRow
from rasl.services.contacts.arrivals import PHONE_TAKEN, Arrival, Book, Mode, Outcome, Owners, arrive

_LIMIT = "FEATURE_LIMIT_EXCEEDED: Contact limit reached for the current plan"


class Result(msgspec.Struct, gc=False):
    """What a row came to: created, updated, skipped or failed."""

    row: ContactRow
    word: str
    reason: str = ""


class DryRun(Book):
    """A book in which nothing is written: what would have been taken is noted for the chunks behind."""

    may_go_blind = False

    def __init__(self, db: Db, tenant_id: int, import_id: int, created_before: int) -> None:
        super().__init__(db, tenant_id)
        self._import_id = import_id
        self._created_before = created_before

    async def count(self) -> int:
        """Return how many contacts there would be by now; nobody need wait for that."""
        return await contacts.find_count(self.db, self.tenant_id) + self._created_before

    async def look(self, wishes: Sequence[Arrival]) -> list[Owners]:
        """Return who has, or would have by now, what the wishes want."""
        keys = [Key(wish.kind, wish.value, wish.columns.get("email")) for wish in wishes]
        noted = await import_notes.find_owners(self.db, self.tenant_id, self._import_id, keys)
        return [
            Owners(owner.contact_id or row["contact_id"], owner.email_id or row["email_id"], owner.email)
            for owner, row in zip(await super().look(wishes), noted, strict=True)
        ]

    async def lock(self, wishes: Sequence[tuple[int, Arrival]]) -> dict[int, int]:
        """Return how many attributes each contact would have; of those that are not there, nothing is known."""
        known = await super().lock([item for item in wishes if item[0] > 0])
        return known | {contact_id: 0 for contact_id, _ in wishes if contact_id < 0}

    async def update(self, wishes: Sequence[tuple[int, Arrival]]) -> None:
        """Note which emails contacts would have."""
        notes = [
            Note("email", wish.columns["email"], owner) for owner, wish in wishes if "email" in wish.columns
        ]
        await import_notes.note(self.db, self.tenant_id, self._import_id, notes)

    async def insert(self, wishes: Sequence[Arrival]) -> list[tuple[int | None, bool]]:
        """Note which phones and emails new contacts would have."""
        owners = {-int(wish.value or 0): wish for wish in wishes}
        notes = [Note(wish.kind, wish.value or "", owner) for owner, wish in owners.items()]
        await import_notes.note(self.db, self.tenant_id, self._import_id, notes)
        await self.update(list(owners.items()))
        return [(owner, True) for owner in owners]

    async def add_to_count(self, created: int) -> None:
        """Leave the count as it is."""


async def apply(book: Book, row: Row, maximum: int, found: Sequence[ContactRow]) -> list[Result]:
    """Apply rows of an import, which `row` is, in the caller's transaction."""
    defaults = {"lastname": "", **{name: row[name] for name in ("type", "status_id", "source_id")}}
    arrivals = [Arrival(item.match_key, item.values, completes=defaults, name=item.digits) for item in found]
    mode = Mode.UPSERT if row["on_duplicate"] == "update" else Mode.IMPORT
    outcomes = await arrive(book, arrivals, mode, maximum)
    skips = row["on_duplicate"] == "skip"
    return [_result(item, outcome, skips=skips) for item, outcome in zip(found, outcomes, strict=True)]


def _result(row: ContactRow, outcome: Outcome, *, skips: bool) -> Result:
    if outcome.word == "known":
        return Result(row, "skipped") if skips else Result(row, "failed", PHONE_TAKEN)
    if outcome.word == "refused":
        reasons = [reason for reasons in outcome.problems.values() for reason in reasons]
        return Result(row, "failed", reasons[0] if reasons else _LIMIT)
    return Result(row, outcome.word)
