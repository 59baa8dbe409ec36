"""What becomes of templates, told as events: whether Meta says it, its list shows it, or somebody did it here."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from rasl.db import templates as rows
from rasl.db.pool import Db, Row
from rasl.db.templates import Account
from rasl.domain.events import Event
from rasl.domain.events.schemas import EventTemplate
from rasl.services.ground import changes

_FIELDS = EventTemplate.__struct_fields__
_CATEGORY = ("category", "previous_category", "correct_category")
# The statuses that have an event of their own.
_STATUSES = ("APPROVED", "REJECTED", "PAUSED", "DISABLED")


@contextlib.asynccontextmanager
async def told(
    db: Db, accounts: Sequence[Account], originals: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Tell what the block makes of the templates of accounts, which are locked.

    `originals` is what Meta posted, by its id of the template.
    """

    def tell(before: Row | None, after: Row | None) -> Iterator[Event]:
        row = after or before
        original = (originals or {}).get(row["template_id"]) if row else None
        for action, previous in _actions(before, after):
            attributes = {name: row[name] for name in _FIELDS} if row else {}
            yield Event(
                type=f"template.{action}",
                id=attributes["id"],
                attributes=attributes,
                previous=previous,
                original=original,
            )

    async with changes.told(db, lambda: rows.list_told(db, accounts), tell):
        yield


def _actions(before: Row | None, after: Row | None) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Return what happened, each with what was before."""
    if after is None:
        yield "deleted", None
    elif before is None:
        yield "created", None
    else:
        if after["status"] != before["status"]:
            action = after["status"].lower() if after["status"] in _STATUSES else "status"
            yield action, _previous(before, after, ("status", "rejected_reason", "status_details"))
        if after["quality"] != before["quality"]:
            yield "quality", _previous(before, after, ("quality",))
        if category := _previous(before, after, _CATEGORY):
            yield "category", category
        if after["version_id"] != before["version_id"]:
            yield "updated", _previous(before, after, ("body_data",))


def _previous(before: Row, after: Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: before[name] for name in names if after[name] != before[name]}
