"""Queries on what Meta reported about messages: keep it once, find the message, write the merged state."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import message_events, rows
from rasl.db.messages import Wamid
from rasl.db.pool import Db, Row
from rasl.db.rows import Key


class Report(msgspec.Struct, frozen=True):
    """One status of one message of a tenant, as Meta reported it; `message_id` comes from our echoed id."""

    tenant_id: int
    wamid: str
    status: str
    occurred_at: dt.datetime
    message_id: int | None = None
    wa_id: str | None = None
    code: int | None = None
    title: str | None = None
    details: str | None = None
    pricing: Any = None


class MessageState(msgspec.Struct, frozen=True):
    """What reports make of a message."""

    tenant_id: int
    message_id: int
    status: str
    wamid: str | None
    error_code: int | None
    status_message: str | None
    sent_at: dt.datetime | None
    delivered_at: dt.datetime | None
    read_at: dt.datetime | None
    failed_at: dt.datetime | None
    cost_line_id: int | None
    original: str | None = None  # what Meta posted of it, where somebody wants that


class _Name(Wamid, frozen=True):
    """What tells one report from the next."""

    status: str


class Adoption(msgspec.Struct, frozen=True):
    """A message whose wamid we learn from an echo, because its own attempt never told us."""

    tenant_id: int
    message_id: int
    wamid: str


async def resolve(db: Db, reports: Sequence[Report]) -> list[Row]:
    """Return per report, in order, is_known (kept before), is_linked (by wamid), message_id and its status."""
    return await db.fetch(
        f"""
        select s.status is not null as is_known, w.wamid is not null as is_linked, m.id as message_id, m.status
        from {rows.ordered(Report, alias="r")}
        left join message_statuses s
            on s.tenant_id = r.tenant_id and s.wamid = r.wamid and s.status = r.status
        left join message_wamids w on w.tenant_id = r.tenant_id and w.wamid = r.wamid
        left join messages m on m.tenant_id = r.tenant_id and m.id = coalesce(w.message_id, r.message_id)
        order by r.ord
        """,
        reports,
    )


async def keep(db: Db, reports: Sequence[tuple[Report, bool]]) -> None:
    """Keep reports, each with whether it is parked; what is there already stays as it is."""
    ordered = sorted(reports, key=lambda item: (item[0].tenant_id, item[0].wamid, item[0].status))
    columns = "tenant_id, wamid, status, occurred_at, code, title, details, pricing"
    await db.execute(
        f"""
        insert into message_statuses ({columns}, is_parked)
        select {columns}, ($2::boolean[])[i.ord] from {rows.ordered(Report)}
        on conflict do nothing
        """,
        [report for report, _ in ordered],
        [is_parked for _, is_parked in ordered],
    )


async def adopt_wamids(db: Db, adoptions: Sequence[Adoption]) -> None:
    """Settle what an echo proves: the attempt was accepted, its message has this wamid, and nothing is to be resent.

    Jobs and attempts that somebody else is writing this moment are left to him: he knows better, and waiting for them
    would turn the order of locks around. Wamids come before messages and in order of the message, as when sending
    records its results.
    """
    ordered = sorted(adoptions, key=lambda item: (item.tenant_id, item.message_id, item.wamid))
    await db.execute(
        f"""
        delete from jobs j using (
            select tenant_id, kind, subject_id from jobs
            where (tenant_id, subject_id) in (select i.tenant_id, i.message_id from {rows.table(Adoption)})
              and kind = 'send' and not is_leased
            for update skip locked
        ) p
        where j.tenant_id = p.tenant_id and j.kind = p.kind and j.subject_id = p.subject_id
        """,
        ordered,
    )
    await db.execute(
        f"""
        update message_attempts a set outcome = 'accepted', wamid = p.new_wamid, title = null,
            details = 'WhatsApp did not answer; its status callback showed that it had accepted the message.'
        from (
            select b.tenant_id, b.message_id, b.attempt, e.wamid as new_wamid
            from {rows.table(Adoption, alias="e")}
            join message_attempts b on b.tenant_id = e.tenant_id and b.message_id = e.message_id
            where b.outcome = 'unknown' and b.attempt = (
                select min(c.attempt) from message_attempts c
                where c.tenant_id = e.tenant_id and c.message_id = e.message_id and c.outcome = 'unknown')
            for update of b skip locked
        ) p
        where a.tenant_id = p.tenant_id and a.message_id = p.message_id and a.attempt = p.attempt
        """,
        ordered,
    )
    await db.execute(
        f"""
        insert into message_wamids (tenant_id, message_id, wamid)
        select {rows.names(Adoption)} from {rows.table(Adoption)}
        on conflict do nothing
        """,
        ordered,
    )


async def lock_messages(db: Db, keys: Sequence[tuple[int, int]]) -> list[Row]:
    """Lock messages, given as (tenant_id, message_id), in order.

    Returns what reports may change, and what the ledger of costs counts a message by. The line that counts it is for
    another statement: this one, if it waits, sees the message as it is then, and other tables as they were.
    """
    return await db.fetch(
        f"""
        select m.tenant_id, m.id, m.status, m.wamid, m.peer, m.error_code, m.status_message,
               m.sent_at, m.delivered_at, m.read_at, m.failed_at, m.cost_line_id, c.number_id, t.time_zone,
               case when m.type = 'template' then m.content ->> 'name' end as template
        from {rows.table(Key, alias="k")}
        join messages m on m.tenant_id = k.tenant_id and m.id = k.id
        join conversations c on c.tenant_id = m.tenant_id and c.id = m.conversation_id
        join tenants t on t.id = m.tenant_id
        where m.direction = 'outbound'
        order by m.tenant_id, m.id
        for update of m
        """,
        [Key(*key) for key in sorted(set(keys))],
    )


async def write_states(db: Db, states: Sequence[MessageState]) -> None:
    """Write merged states of locked messages."""
    await db.execute(
        f"""
        with message as (
        update messages m set
            status = s.status, wamid = s.wamid, error_code = s.error_code, status_message = s.status_message,
            sent_at = s.sent_at, delivered_at = s.delivered_at, read_at = s.read_at, failed_at = s.failed_at,
            cost_line_id = s.cost_line_id,
            content = case when m.content ? 'sealed_code' then m.content - 'sealed_code' else m.content end,
            updated_at = now()
        from {rows.table(MessageState, alias="s")}
        where m.tenant_id = s.tenant_id and m.id = s.message_id
        returning m.*, s.original
        )
        {message_events.told("message m", "m.original")}
        """,
        states,
    )


_PARKED_COLUMNS = """
    s.tenant_id, s.wamid, s.status, s.occurred_at, s.code, s.title, s.details, s.pricing, w.message_id
"""


async def take_parked(db: Db, wamids: Sequence[tuple[int, str]]) -> list[Row]:
    """Unpark what waited for these (tenant_id, wamid) pairs and return it with its message."""
    found = await db.fetch(
        f"""
        select {_PARKED_COLUMNS}
        from {rows.table(Wamid, alias="k")}
        join message_statuses s on s.tenant_id = k.tenant_id and s.wamid = k.wamid and s.is_parked
        join message_wamids w on w.tenant_id = k.tenant_id and w.wamid = k.wamid
        order by s.tenant_id, s.wamid, s.status
        for update of s
        """,
        [Wamid(*key) for key in sorted(set(wamids))],
    )
    await _unpark(db, found)
    return found


async def take_attachable(db: Db, within: dt.timedelta, limit: int) -> list[Row]:
    """Unpark what was parked not longer ago than this and whose message is known meanwhile; returns it."""
    found = await db.fetch(
        f"""
        select {_PARKED_COLUMNS}
        from message_statuses s
        join message_wamids w on w.tenant_id = s.tenant_id and w.wamid = s.wamid
        where s.is_parked and s.received_at > now() - $1::interval
        order by s.received_at limit $2
        for update of s skip locked
        """,
        within,
        limit,
    )
    await _unpark(db, found)
    return found


async def _unpark(db: Db, found: Sequence[Row]) -> None:
    if found:
        await db.execute(
            f"""
            update message_statuses s set is_parked = false
            from {rows.table(_Name, alias="k")}
            where s.tenant_id = k.tenant_id and s.wamid = k.wamid and s.status = k.status
            """,
            [_Name(row["tenant_id"], row["wamid"], row["status"]) for row in found],
        )
