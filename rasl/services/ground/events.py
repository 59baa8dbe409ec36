"""Recording what happened, for whoever wants to be told; what nobody wants to be told is not kept.

Contacts, what they are labelled with and messages are told by the statements that write them (`db/events.py`).
"""

from collections.abc import Sequence

from rasl import log
from rasl.db import events as rows
from rasl.db.pool import Db
from rasl.domain.events import Event
from rasl.domain.events.catalogue import CATALOGUE
from rasl.domain.events.formats import stored


async def record(db: Db, tenant_id: int, event: Event) -> None:
    """Keep an event in the transaction that causes it."""
    await record_many(db, [(tenant_id, event)])


async def record_many(db: Db, events: Sequence[tuple[int, Event]]) -> None:
    """Keep events, given with their tenant, in the transaction that causes them."""
    for _, event in events:
        if event.type not in CATALOGUE:
            raise ValueError(f"{event.type} is not in the catalogue of events")
    if events:
        request_id = log.REQUEST_ID.get()
        # One order in every process, so that two transactions never wait for each other's rows.
        ordered = sorted(events, key=lambda item: (item[0], item[1].type, item[1].once or ""))
        await rows.insert(
            db,
            [_row(tenant_id, event, request_id) for tenant_id, event in ordered],
        )


def _row(tenant_id: int, event: Event, request_id: str | None) -> rows.NewEvent:
    message = event.attributes.get("message")
    return rows.NewEvent(
        tenant_id,
        event.type,
        event.once,
        event.attributes.get("contact_id"),
        message.get("id") if isinstance(message, dict) else None,
        stored(event, request_id),
    )
