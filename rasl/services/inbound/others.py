"""What Meta posted that nothing here is changed by, told to whoever wants to know."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from rasl.db import templates as template_rows
from rasl.db.pool import Db
from rasl.domain.events import Event
from rasl.graph.changes import Arrived, OtherChange
from rasl.services.ground import events


async def tell(db: Db, arrived: Sequence[Arrived[Any]]) -> None:
    """Tell accounts what Meta posted of them, if it came through the app by which they are connected."""
    told: dict[tuple[int, str], list[Arrived[Any]]] = defaultdict(list)
    for item in arrived:
        if isinstance(item.change, OtherChange) and item.part is not None:
            told[item.app_id, item.change.waba_id].append(item)
    found: list[tuple[int, Event]] = []
    for (app_id, waba_id), items in sorted(told.items()):
        for account in await template_rows.route(db, app_id, [waba_id]):
            found += [(account.tenant_id, _event(item)) for item in items]
    await events.record_many(db, found)


def _event(item: Arrived[Any]) -> Event:
    change = item.change
    return Event(
        type="whatsapp.other",
        id=None,
        attributes={
            "field": change.field,
            "waba_id": change.waba_id,
            "phone_number_id": change.phone_number_id,
            "value": change.value,
        },
        original=item.part.original() if item.part else None,
        once=f"{item.ingest_id}:{change.field}:{change.phone_number_id}",
    )
