"""Recording what happened, for whoever wants to be told."""

from collections.abc import Sequence

from rasl.db import events as event_rows
from rasl.db.pool import Db
from rasl.domain.events import CATALOGUE, Event


async def record(db: Db, tenant_id: int, event: Event) -> None:
    """Keep an event in the transaction that causes it."""
    await record_many(db, [(tenant_id, event)])


async def record_many(db: Db, events: Sequence[tuple[int, Event]]) -> None:
    """Keep events, given with their tenant, in the transaction that causes them."""
    for _, event in events:
        if event.type not in CATALOGUE:
            raise ValueError(f"{event.type} is not in the catalogue of events")
    if events:
        # One order in every process, so that two transactions never wait for each other's rows.
        await event_rows.insert(
            db, sorted(events, key=lambda item: (item[0], item[1].type, item[1].once or ""))
        )
