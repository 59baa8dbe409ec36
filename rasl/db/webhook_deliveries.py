"""Queries on deliveries: made of events, loaded to be attempted, settled, held back, woken, replayed."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.channels import WEBHOOKS
from rasl.db.jobs import Holding, by_key
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.domain.listing import Kind, ListSpec

KIND = "webhook"
EVENT_KIND = "event"
_BEHIND, _WAITING = 1, 2  # of `held`
_MOST_ATTEMPTS_KEPT = 30
_IN_VIEW = 20  # events of a contact that are looked back at
Place = tuple[dt.datetime, int]  # in the order of created_at and id
_COLUMNS = """id, event_key, event_type, state, attempts, next_attempt_at, created_at"""
LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "state": Kind.TEXT,
            "event_type": Kind.TEXT,
            "event_id": Kind.TEXT,
            "created_at": Kind.MOMENT,
        },
        sorts=("created_at",),
        default_sort="-created_at",
        columns={"event_id": "event_key"},
    ),
    select=_COLUMNS,
    tables="webhook_deliveries",
    alias="webhook_deliveries",
    where="tenant_id = $1",
)


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


class Settled(msgspec.Struct, frozen=True):
    """How a delivery goes on after an attempt: again after so many seconds, or it is over."""

    tenant_id: int
    id: int
    fence: int
    endpoint_id: int
    line_id: int | None
    state: str
    seconds: float | None
    told: dict[str, Any]


class _Line(msgspec.Struct, frozen=True):
    tenant_id: int
    endpoint_id: int
    line_id: int


class _Event(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    contact_id: int


class _Held(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    fence: int


_ADD_JOBS = f"""
    insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
    select tenant_id, '{KIND}', id, endpoint_id, 0, now(), false from woken order by tenant_id, id
    on conflict do nothing
"""


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
                                and d.endpoint_id = n.endpoint_id and d.line_id = n.line_id)) then {_BEHIND}
                        when n.is_working then 0 else {_WAITING} end,
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


async def load(db: Db, deliveries: Sequence[tuple[int, int]]) -> list[Row]:
    """Return all that an attempt needs, of deliveries given as (tenant_id, id); what of an event is gone is null."""
    return await db.fetch(
        f"""
        select d.*, e.type, e.key, e.payload, e.created_at, w.*, t.name, t.subdomain, t.status as tenant_status
        from {rows.table(Key, alias="k")}
        cross join lateral (
            select tenant_id, id, endpoint_id, event_id, state, attempt, line_id, held from webhook_deliveries
            where tenant_id = k.tenant_id and id = k.id limit 1) d
        cross join lateral (
            select url, format, headers, secrets, is_ordered, max_per_second, is_active, disabled_at, deleted_at,
                   failing_since
            from webhook_endpoints where tenant_id = k.tenant_id and id = d.endpoint_id limit 1) w
        cross join lateral (select name, subdomain, status from tenants where id = k.tenant_id limit 1) t
        left join lateral (
            select type, key, payload, created_at from events
            where tenant_id = k.tenant_id and id = d.event_id limit 1) e on true
        """,
        [Key(*key) for key in deliveries],
    )


async def settle(db: Db, settled: Sequence[Settled]) -> None:
    """Write what came of attempts and when the next ones are due; who lost the lease changes nothing."""
    await db.execute(
        f"""
        with s as materialized (
            select i.*, now() + make_interval(secs => i.seconds) as due_at from {rows.table(Settled)}
        ), over as (
            delete from jobs j using s
            where s.seconds is null and {by_key("s.tenant_id", f"'{KIND}'::text", "s.id")} and j.fence = s.fence
            returning j.tenant_id, j.subject_id
        ), again as (
            update jobs j set is_leased = false, fence = j.fence + 1, failures = 0, last_error = null, due_at = s.due_at
            from s
            where s.seconds is not null and {by_key("s.tenant_id", f"'{KIND}'::text", "s.id")} and j.fence = s.fence
            returning j.tenant_id, j.subject_id
        ), ours as materialized (select * from over union all select * from again)
        update webhook_deliveries d
        set state = s.state, attempt = d.attempt + 1, next_attempt_at = s.due_at,
            attempts = case when jsonb_array_length(d.attempts) < {_MOST_ATTEMPTS_KEPT} then d.attempts
                       else d.attempts - 0 end || s.told,
            line_id = case when s.seconds is not null then d.line_id end
        from s
        where d.tenant_id = s.tenant_id and d.id = s.id
          and exists (select from ours o where o.tenant_id = s.tenant_id and o.subject_id = s.id)
        """,
        sorted(settled, key=lambda it: (it.tenant_id, it.id)),
    )


async def end(db: Db, holdings: Sequence[Holding], state: str, error: str) -> None:
    """End deliveries that are not attempted any more, and drop their jobs."""
    await db.execute(
        f"""
        with ours as (
            delete from jobs j using {rows.table(_Held, alias="h")}
            where {by_key("h.tenant_id", f"'{KIND}'::text", "h.id")} and j.fence = h.fence
            returning j.tenant_id, j.subject_id
        )
        update webhook_deliveries d
        set state = $2, next_attempt_at = null, line_id = null,
            attempts = d.attempts || jsonb_build_object('at', to_json(now()), 'error', $3::text)
        from ours where d.tenant_id = ours.tenant_id and d.id = ours.subject_id and d.state = 'pending'
        """,
        [_Held(*holding) for holding in holdings],
        state,
        error,
    )


async def wait(db: Db, holdings: Sequence[Holding]) -> None:
    """Let deliveries wait until their endpoint works again, without jobs."""
    await db.execute(
        f"""
        with ours as (
            delete from jobs j using {rows.table(_Held, alias="h")}
            where {by_key("h.tenant_id", f"'{KIND}'::text", "h.id")} and j.fence = h.fence
            returning j.tenant_id, j.subject_id
        )
        update webhook_deliveries d set held = {_WAITING} from ours
        where d.tenant_id = ours.tenant_id and d.id = ours.subject_id
        """,
        [_Held(*holding) for holding in holdings],
    )


async def promote(db: Db, lines: Sequence[tuple[int, int, int]]) -> None:
    """Let the first of each line be attempted, given as (tenant_id, endpoint_id, line_id); the endpoints are held."""
    await db.execute(
        f"""
        with first as materialized (
            select n.* from {rows.table(_Line, alias="l")} cross join lateral (
                select d.tenant_id, d.id from webhook_deliveries d
                where d.tenant_id = l.tenant_id and d.endpoint_id = l.endpoint_id and d.line_id = l.line_id
                order by d.event_id limit 1) n
        ), woken as (
            update webhook_deliveries d set held = 0 from first
            where d.tenant_id = first.tenant_id and d.id = first.id and d.held = {_BEHIND}
            returning d.tenant_id, d.id, d.endpoint_id
        )
        {_ADD_JOBS}
        """,
        [_Line(*line) for line in lines],
    )


async def break_lines(db: Db, tenant_id: int, endpoint_id: int) -> None:
    """Let all that is behind others of its line wait for nothing but its endpoint."""
    await db.execute(
        f"""
        update webhook_deliveries set held = {_WAITING}, line_id = null
        where tenant_id = $1 and endpoint_id = $2 and line_id is not null and held = {_BEHIND}
        """,
        tenant_id,
        endpoint_id,
    )


async def list_endpoints_waited_for(db: Db, after: tuple[int, int], limit: int) -> list[Row]:
    """Return endpoints for which deliveries wait, behind (tenant_id, id) in order, and how they are."""
    return await db.fetch(
        f"""
        with recursive e as (
            select n.*, 1 as place from (
                select tenant_id, endpoint_id from webhook_deliveries
                where held = {_WAITING} and (tenant_id, endpoint_id) > ($1, $2)
                order by tenant_id, endpoint_id limit 1) n
            union all
            select n.*, e.place + 1 from e cross join lateral (
                select d.tenant_id, d.endpoint_id from webhook_deliveries d
                where d.held = {_WAITING} and (d.tenant_id, d.endpoint_id) > (e.tenant_id, e.endpoint_id)
                order by d.tenant_id, d.endpoint_id limit 1) n
            where e.place < $3
        )
        select e.tenant_id, e.endpoint_id, w.is_active and t.status = 'active' as is_working,
               w.deleted_at is not null or w.disabled_at is not null as is_over
        from e
        cross join lateral (select * from webhook_endpoints w where w.tenant_id = e.tenant_id and w.id = e.endpoint_id
                            limit 1) w
        cross join lateral (select status from tenants t where t.id = e.tenant_id limit 1) t
        order by e.tenant_id, e.endpoint_id
        """,
        *after,
        limit,
    )


_NEXT_WAITING = f"""
    ctid = any(array(
        select ctid from webhook_deliveries where tenant_id = $1 and endpoint_id = $2 and held = {_WAITING}
        order by event_id limit $3 for update skip locked))
"""


async def wake(db: Db, tenant_id: int, endpoint_id: int, limit: int) -> int:
    """Let deliveries that wait for an endpoint be attempted; returns how many."""
    count: int = await db.fetchval(
        f"""
        with woken as (
            update webhook_deliveries set held = 0 where {_NEXT_WAITING} returning tenant_id, id, endpoint_id
        ), added as ({_ADD_JOBS} returning 1), told as (select pg_notify('{WEBHOOKS}', ''))
        select (select count(*) from woken) + 0 * (select count(*) from told)
        """,
        tenant_id,
        endpoint_id,
        limit,
    )
    return count


async def drop_waiting(db: Db, tenant_id: int, endpoint_id: int, limit: int, error: str) -> int:
    """End deliveries that wait for an endpoint which will not come back; returns how many."""
    found = await db.fetch(
        f"""
        update webhook_deliveries set held = 0, state = 'dropped', next_attempt_at = null, line_id = null,
            attempts = attempts || jsonb_build_object('at', to_json(now()), 'error', $4::text)
        where {_NEXT_WAITING} returning 1
        """,
        tenant_id,
        endpoint_id,
        limit,
        error,
    )
    return len(found)


async def find_delivery(db: Db, tenant_id: int, endpoint_id: int, delivery_id: int) -> Row | None:
    """Return one delivery of an endpoint."""
    return await db.fetchrow(
        f"select {_COLUMNS} from webhook_deliveries where tenant_id = $1 and id = $3 and endpoint_id = $2",
        tenant_id,
        endpoint_id,
        delivery_id,
    )


async def replay_one(db: Db, tenant_id: int, endpoint_id: int, delivery_id: int) -> bool:
    """Have a delivery made again, by the plan from its beginning; one that is not over is attempted now."""
    found = await db.fetchval(
        f"""
        update webhook_deliveries set state = 'pending', held = {_WAITING}, attempt = 0, next_attempt_at = now()
        where tenant_id = $1 and id = $3 and endpoint_id = $2 and state <> 'pending'
        returning 1
        """,
        tenant_id,
        endpoint_id,
        delivery_id,
    )
    if found:
        return True
    return bool(
        await db.fetchval(
            f"""
            with due as (
                update jobs j set due_at = now()
                where {by_key("$1::bigint", f"'{KIND}'::text", "$3::bigint")} and not j.is_leased
            ), told as (select pg_notify('{WEBHOOKS}', ''))
            update webhook_deliveries d set next_attempt_at = now() from told
            where tenant_id = $1 and id = $3 and endpoint_id = $2
            returning 1
            """,
            tenant_id,
            endpoint_id,
            delivery_id,
        )
    )


async def replay_many(
    db: Db, tenant_id: int, endpoint_id: int, states: Sequence[str], after: Place, limit: int
) -> tuple[int, Place | None]:
    """Have deliveries made again that are over, the oldest first; returns how many, and where more may be."""
    row = await db.fetchrow(
        f"""
        with next as materialized (
            select ctid as spot, created_at, id, state from webhook_deliveries
            where tenant_id = $1 and endpoint_id = $2 and (created_at, id) > ($4, $5)
            order by created_at, id limit $6 for update
        ), again as (
            update webhook_deliveries set state = 'pending', held = {_WAITING}, attempt = 0, next_attempt_at = now()
            where ctid = any(array(select spot from next where state = any($3) and state <> 'pending'))
            returning 1
        )
        select (select count(*) from again) as count, count(*) as seen,
               (array_agg(created_at order by created_at desc, id desc))[1] as last_at,
               (array_agg(id order by created_at desc, id desc))[1] as last_id
        from next
        """,
        tenant_id,
        endpoint_id,
        states,
        *after,
        limit,
    )
    assert row is not None  # noqa: S101 - an aggregate always has one row
    return row["count"], (row["last_at"], row["last_id"]) if row["seen"] == limit else None
