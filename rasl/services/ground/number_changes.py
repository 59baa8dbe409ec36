"""What becomes of WhatsApp numbers, told as events."""

import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

from rasl.db import numbers as rows
from rasl.db.pool import Db, Row
from rasl.domain.events import Event
from rasl.domain.events.schemas import EventNumber
from rasl.domain.phone import digits_of
from rasl.services.ground import changes

_FIELDS = EventNumber.__struct_fields__
_ACTIONS = {
    "quality": ("quality_rating",),
    "limit": ("messaging_limit",),
    "state": ("state", "meta_status"),
    "name": ("verified_name",),
}


@contextlib.asynccontextmanager
async def told(
    db: Db, tenant_ids: Sequence[int], originals: Mapping[str, str] | None = None
) -> AsyncIterator[None]:
    """Tell what the block makes of the numbers of tenants; `originals` is what Meta posted, by a number's digits."""

    def tell(before: Row | None, after: Row | None) -> Iterator[Event]:
        if after is None:
            return
        for action, names in _ACTIONS.items():
            was = {name: before[name] if before else None for name in names}
            previous = {name: value for name, value in was.items() if after[name] != value}
            # Of one that is new it is told that it is connected, and nothing else.
            if previous and (before or action == "state"):
                yield Event(
                    type=f"number.{action}",
                    id=after["id"],
                    attributes={name: after[name] for name in _FIELDS},
                    previous=previous,
                    original=(originals or {}).get(digits_of(after["display_phone_number"]) or ""),
                )

    async with changes.told(db, lambda: rows.list_told(db, tenant_ids), tell):
        yield
