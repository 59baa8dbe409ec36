"""Queries on deliveries: loaded to be attempted, settled, held back, woken, replayed."""

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
BEHIND, WAITING = 1, 2  # of `held`
_MOST_ATTEMPTS_KEPT = 30
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


class _Held(msgspec.Struct, frozen=True):
    tenant_id: int
    id: int
    fence: int


_ADD_JOBS = f"""
    insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
    select tenant_id, '{KIND}', id, endpoint_id, 0, now(), false from woken order by tenant_id, id
    on conflict do nothing
"""


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
        update webhook_deliveries d set held = {WAITING} from ours
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
            where d.tenant_id = first.tenant_id and d.id = first.id and d.held = {BEHIND}
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
        update webhook_deliveries set held = {WAITING}, line_id = null
        where tenant_id = $1 and endpoint_id = $2 and line_id is not null and held = {BEHIND}
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
                where held = {WAITING} and (tenant_id, endpoint_id) > ($1, $2)
                order by tenant_id, endpoint_id limit 1) n
            union all
            select n.*, e.place + 1 from e cross join lateral (
                select d.tenant_id, d.endpoint_id from webhook_deliveries d
                where d.held = {WAITING} and (d.tenant_id, d.endpoint_id) > (e.tenant_id, e.endpoint_id)
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
    tenant_id = $1 and ctid = any(array(
        select ctid from webhook_deliveries where tenant_id = $1 and endpoint_id = $2 and held = {WAITING}
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


async def list_of_message(db: Db, tenant_id: int, message_id: int) -> list[Row]:
    """Return the deliveries of a message's events, oldest first; of attempts not what endpoints answered."""
    return await db.fetch(
        """
        select id, endpoint_id, event_key, event_type, state, created_at, (
                   select coalesce(jsonb_agg(jsonb_build_object(
                       'at', it -> 'at', 'status', it -> 'status', 'error', it -> 'error') order by place), '[]')
                   from jsonb_array_elements(attempts) with ordinality as made (it, place)) as attempts
        from webhook_deliveries where tenant_id = $1 and message_id = $2 order by id
        """,
        tenant_id,
        message_id,
    )


async def replay_one(db: Db, tenant_id: int, endpoint_id: int, delivery_id: int) -> None:
    """Have a delivery made again, by the plan from its beginning; one that is not over is attempted now."""
    found = await db.fetchval(
        f"""
        update webhook_deliveries set state = 'pending', held = {WAITING}, attempt = 0, next_attempt_at = now()
        where tenant_id = $1 and id = $3 and endpoint_id = $2 and state <> 'pending'
        returning 1
        """,
        tenant_id,
        endpoint_id,
        delivery_id,
    )
    if found:
        return
    await db.execute(
        f"""
        with due as (
            update jobs j set due_at = now()
            where {by_key("$1::bigint", f"'{KIND}'::text", "$3::bigint")} and not j.is_leased
        ), told as (select pg_notify('{WEBHOOKS}', ''))
        update webhook_deliveries d set next_attempt_at = now() from told
        where tenant_id = $1 and id = $3 and endpoint_id = $2
        """,
        tenant_id,
        endpoint_id,
        delivery_id,
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
            update webhook_deliveries set state = 'pending', held = {WAITING}, attempt = 0, next_attempt_at = now()
            where tenant_id = $1
              and ctid = any(array(select spot from next where state = any($3) and state <> 'pending'))
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
