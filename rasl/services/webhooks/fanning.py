"""From an event to its deliveries: one for each endpoint of the tenant that wants it, made once by the database."""

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from rasl.db import jobs, webhook_fanning, webhooks
from rasl.db.jobs import Holding
from rasl.db.pool import Database, Db, Row
from rasl.db.webhook_fanning import EVENT_KIND, NewDelivery
from rasl.domain.events import matches

_AGAIN_SECONDS = 0.05


class _Listening(msgspec.Struct, frozen=True):
    id: int
    events: frozenset[str]
    is_ordered: bool
    is_working: bool


async def fan_out(database: Database, holdings: Sequence[Holding]) -> None:
    """Make the deliveries of events whose jobs are held, and drop the jobs, in one transaction.

    Where an endpoint wants order an event waits for those before it of the same contact that another process has.
    """
    async with database.transaction() as db:
        events = await webhook_fanning.list_events(db, [holding[:2] for holding in holdings])
        endpoints = await _listening(db, {event["tenant_id"] for event in events})
        late = await _late(db, events, endpoints)
        if late:
            await jobs.release(db, EVENT_KIND, [(*it, _AGAIN_SECONDS) for it in holdings if it[:2] in late])
        ours = await webhook_fanning.finish_events(db, [it for it in holdings if it[:2] not in late])
        deliveries = _deliveries([it for it in events if (it["tenant_id"], it["id"]) in ours], endpoints)
        if deliveries:
            ordered = [(it.tenant_id, it.endpoint_id) for it in deliveries if it.line_id is not None]
            await webhooks.hold_lines(db, ordered)
            await webhook_fanning.add(db, deliveries)


async def _listening(db: Db, tenant_ids: set[int]) -> dict[int, list[_Listening]]:
    found: dict[int, list[_Listening]] = defaultdict(list)
    for row in await webhooks.list_listening(db, sorted(tenant_ids)):
        endpoint = _Listening(row["id"], frozenset(row["events"]), row["is_ordered"], row["is_working"])
        found[row["tenant_id"]].append(endpoint)
    return found


async def _late(
    db: Db, events: Sequence[Row], endpoints: dict[int, list[_Listening]]
) -> set[tuple[int, int]]:
    """Return the events that must wait for earlier ones of their contact, which are not among these."""
    in_order = [
        (event["tenant_id"], event["id"], event["contact_id"])
        for event in events
        if event["contact_id"] is not None and any(it.is_ordered for it in endpoints[event["tenant_id"]])
    ]
    if not in_order:
        return set()
    here = {(tenant_id, event_id) for tenant_id, event_id, _ in in_order}
    blocked = {
        (row["tenant_id"], row["id"])
        for row in await webhook_fanning.list_waiting_before(db, in_order)
        if (row["tenant_id"], row["earlier_id"]) not in here
    }
    contacts = {(tenant_id, contact) for tenant_id, id_, contact in in_order if (tenant_id, id_) in blocked}
    return {(tenant_id, id_) for tenant_id, id_, contact in in_order if (tenant_id, contact) in contacts}


def _deliveries(events: Sequence[Row], endpoints: dict[int, list[_Listening]]) -> list[NewDelivery]:
    deliveries: list[NewDelivery] = []
    lines: set[tuple[int, int]] = set()
    for event in sorted(events, key=lambda it: (it["tenant_id"], it["id"])):
        for endpoint in endpoints[event["tenant_id"]]:
            if not matches(endpoint.events, event["type"]):
                continue
            line = event["contact_id"] if endpoint.is_ordered else None
            deliveries.append(
                NewDelivery(
                    tenant_id=event["tenant_id"],
                    endpoint_id=endpoint.id,
                    event_id=event["id"],
                    event_key=event["key"],
                    event_type=event["type"],
                    message_id=event["message_id"],
                    line_id=line,
                    is_behind=(endpoint.id, line) in lines,
                    is_working=endpoint.is_working,
                )
            )
            if line is not None:
                lines.add((endpoint.id, line))
    return deliveries
