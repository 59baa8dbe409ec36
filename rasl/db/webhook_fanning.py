"""Queries of the fan-out: from events that wait as jobs to a delivery for each endpoint that wants them."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.channels import WEBHOOKS
from rasl.db.jobs import Holding, by_key
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.db.webhook_deliveries import BEHIND, KIND, WAITING

EVENT_KIND = "event"
_IN_VIEW = 20  # events of a contact that are looked back at


class NewDelivery(msgspec.Struct, frozen=True):
    """A delivery to be made; one with a line comes behind what is in it, or behind one of the same batch."""

    tenant_id: int
    endpoint_id: int
    event_id: int
    event_key: str
    event_type: str
    message_id: int | None
    line_id: int | None
    is_behind: bool
    is_working: bool  # its endpoint; else it waits


class _Held(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    fence: int


class _Event(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    contact_id: int


async def list_events(db: Db, events: Sequence[tuple[int, int]]) -> list[Row]:
    """Return what tells whose business events are, given as (tenant_id, id)."""
    return await db.fetch(
        f"""
        select e.* from {rows.table(Key, alias="k")} cross join lateral (
            select tenant_id, id, key, type, contact_id, message_id from events
            where tenant_id = k.tenant_id and id = k.id limit 1) e
        order by e.tenant_id, e.id
        """,
        [Key(*key) for key in events],
    )


async def list_waiting_before(db: Db, events: Sequence[tuple[int, int, int]]) -> list[Row]:
    """Return, for events given as (tenant_id, id, contact_id), those of the contact before that wait for fan-out."""
    return await db.fetch(
        f"""
        select k.tenant_id, k.id, p.id as earlier_id
        from {rows.table(_Event, alias="k")}
        cross join lateral (
            select e.id from events e where e.tenant_id = k.tenant_id and e.contact_id = k.contact_id and e.id < k.id
            order by e.id desc limit {_IN_VIEW}) p
        cross join lateral (
            select from jobs j where {by_key("k.tenant_id", f"'{EVENT_KIND}'::text", "p.id")} and j.set_aside_at is null
            limit 1) j
        """,
        [_Event(*key) for key in events],
    )


async def finish_events(db: Db, holdings: Sequence[Holding]) -> set[tuple[int, int]]:
    """Drop the jobs of events; returns (tenant_id, id) of those that were still ours."""
    gone = await db.fetch(
        f"""
        delete from jobs j using {rows.table(_Held, alias="h")}
        where {by_key("h.tenant_id", f"'{EVENT_KIND}'::text", "h.id")} and j.fence = h.fence
        returning j.tenant_id, j.subject_id
        """,
        [_Held(*holding) for holding in holdings],
    )
    return {(row["tenant_id"], row["subject_id"]) for row in gone}


async def add(db: Db, deliveries: Sequence[NewDelivery]) -> None:
    """Keep new deliveries, with jobs for those that may be attempted at once; one that is there already stays."""
    await db.execute(
        f"""
        with woken as (
            insert into webhook_deliveries (tenant_id, endpoint_id, event_id, event_key, event_type, message_id,
                                            line_id, held, next_attempt_at)
            select n.tenant_id, n.endpoint_id, n.event_id, n.event_key, n.event_type, n.message_id, n.line_id,
                   case when n.line_id is not null and (n.is_behind or exists (
                            select from webhook_deliveries d where d.tenant_id = n.tenant_id
                                and d.endpoint_id = n.endpoint_id and d.line_id = n.line_id)) then {BEHIND}
                        when n.is_working then 0 else {WAITING} end,
                   now()
            from {rows.table(NewDelivery, alias="n")}
            order by n.tenant_id, n.event_id, n.endpoint_id
            on conflict do nothing
            returning tenant_id, id, endpoint_id, held
        ), added as (
            insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
            select tenant_id, '{KIND}', id, endpoint_id, 0, now(), false from woken where held = 0
            order by tenant_id, id
            on conflict do nothing
        )
        select pg_notify('{WEBHOOKS}', '')
        """,
        deliveries,
    )
