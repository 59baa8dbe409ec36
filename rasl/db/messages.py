"""Queries on messages: writing the intent, recording outcomes, reading."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import message_events, rows
from rasl.db.channels import JOBS
from rasl.db.jobs import by_key
from rasl.db.pool import Db, Row
from rasl.db.rows import Key


class Intent(msgspec.Struct, frozen=True):
    """An outbound message about to be stored, with its job: leased to us, or queued until `due_at`."""

    tenant_id: int
    conversation_id: int
    number_id: int
    type: str
    peer: str
    text: str | None
    content: Any
    reply_to: str | None
    request_id: str  # a UUID
    lane: int
    due_at: dt.datetime | None  # None: this process sends it at once


class Wamid(msgspec.Struct, frozen=True):
    """A wamid of a tenant."""

    tenant_id: int
    wamid: str


class ThreadState(msgspec.Struct, frozen=True):
    """What admitting messages changed in a conversation."""

    tenant_id: int
    conversation_id: int
    counted_until: dt.datetime | None
    pair_tat: dt.datetime | None


class Result(msgspec.Struct, frozen=True):
    """How one attempt ended, in the words of the tables.

    `retry_seconds` None ends the job, otherwise it comes due again then; `keeps_lease` leaves it with its holder.
    """

    tenant_id: int
    message_id: int
    fence: int
    attempt: int
    outcome: str
    started_at: dt.datetime
    status: str
    is_ambiguous: bool = False
    retry_seconds: float | None = None
    keeps_lease: bool = False
    carries_code: bool = False  # a one-time password: whoever records it tells what became of it
    wamid: str | None = None
    code: int | None = None
    subcode: int | None = None
    title: str | None = None
    details: str | None = None
    cure: str | None = None
    fbtrace_id: str | None = None


_INSERT_INTENTS = f"""
with item as (
    select nextval(pg_get_serial_sequence('messages', 'id')) as id, i.* from {rows.ordered(Intent)}
), message as (
    insert into messages (tenant_id, id, conversation_id, direction, type, status, peer, text, content,
                          reply_to, request_id)
    overriding system value
    select tenant_id, id, conversation_id, 'outbound', type,
           case when due_at is null then 'sending' else 'queued' end, peer, text, content, reply_to, request_id::uuid
    from item
), job as (
    insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased, attempts)
    select tenant_id, 'send', id, number_id, lane, coalesce(due_at, now() + $3::interval), due_at is null,
           case when due_at is null then 1 else 0 end
    from item
), thread as (
    update conversations v
    set counted_until = t.counted_until, pair_tat = t.pair_tat, last_message_at = now()
    from {rows.table(ThreadState, 2, "t")}
    where v.tenant_id = t.tenant_id and v.id = t.conversation_id
)
select id, now() as created_at, case when ord = 1 then pg_current_xact_id()::text end as xid from item order by ord
"""
_WAKE_WORKER = f"select pg_notify('{JOBS}', '')"


async def insert_intents(
    db: Db, intents: Sequence[Intent], threads: Sequence[ThreadState], lease: dt.timedelta
) -> list[Row]:
    """Store messages with their jobs and what they changed in their conversations; returns id and created_at each.

    The first also brings the number of the transaction, by which it can be asked what became of it.
    """
    if any(item.due_at for item in intents):
        await db.execute(_WAKE_WORKER)
    return await db.fetch(_INSERT_INTENTS, intents, threads, lease)


# Only the holder of the lease (its fence) moves job and message. The attempt is kept in any case, and a status that
# Meta's callback already moved further is left alone.
_OUR_JOB = by_key("i.tenant_id", "'send'", "i.message_id")
_RECORD = f"""
with item as materialized (
    select i.*, now() as at, now() + make_interval(secs => i.retry_seconds) as due_at from {rows.table(Result)}
), done as (
    delete from jobs j using item i
    where {_OUR_JOB} and j.fence = i.fence and i.retry_seconds is null
    returning i.*
), kept as (
    update jobs j
    set is_leased = i.keeps_lease, fence = j.fence + (not i.keeps_lease)::integer,
        attempts = j.attempts + i.keeps_lease::integer, due_at = i.due_at,
        failures = 0, last_error = null
    from item i
    where {_OUR_JOB} and j.fence = i.fence and i.retry_seconds is not null
    returning i.*
), owned as (
    select * from done union all select * from kept
), message as (
    update messages m set
        status = case when m.status in ('queued', 'sending', 'unknown') then i.status else m.status end,
        content = case when i.status in ('sent', 'failed') and m.content ? 'sealed_code'
                       then m.content - 'sealed_code' else m.content end,
        wamid = coalesce(i.wamid, m.wamid),
        is_ambiguous = m.is_ambiguous or i.is_ambiguous,
        error_code = case when m.status in ('queued', 'sending', 'unknown') then i.code else m.error_code end,
        status_message = case when m.status in ('queued', 'sending', 'unknown')
                              then coalesce(i.details, i.title) else m.status_message end,
        sent_at = case when i.status = 'sent' then coalesce(m.sent_at, i.at) else m.sent_at end,
        failed_at = case when i.status = 'failed' and m.status in ('queued', 'sending', 'unknown')
                         then i.at else m.failed_at end,
        updated_at = now()
    from owned i
    where m.tenant_id = i.tenant_id and m.id = i.message_id
    returning m.*
), told as (
    {message_events.told("message m")}
), wamid as (
    insert into message_wamids (tenant_id, wamid, message_id)
    select tenant_id, wamid, message_id from owned where wamid is not null
    on conflict do nothing
), attempt as (
    insert into message_attempts as a (tenant_id, message_id, attempt, outcome, started_at, finished_at, code, subcode,
                                       title, details, cure, fbtrace_id, wamid)
    select tenant_id, message_id, attempt, outcome, started_at, now(), code, subcode, title, details, cure, fbtrace_id,
           wamid
    from item
    on conflict (tenant_id, message_id, attempt) do update set
        outcome = excluded.outcome, finished_at = excluded.finished_at, code = excluded.code,
        subcode = excluded.subcode, title = excluded.title, details = excluded.details,
        cure = excluded.cure, fbtrace_id = excluded.fbtrace_id, wamid = excluded.wamid
    where a.outcome = 'unknown'
)
select message_id, exists (
    select from message_statuses s where s.tenant_id = owned.tenant_id and s.wamid = owned.wamid and s.is_parked
) as has_parked from owned
"""


async def record_results(db: Db, results: Sequence[Result]) -> dict[int, bool]:
    """Write what attempts brought, in one statement; returns has_parked by message id of those whose fence held."""
    return {row["message_id"]: row["has_parked"] for row in await db.fetch(_RECORD, results)}


async def adopt_late_success(db: Db, tenant_id: int, message_id: int, wamid: str) -> None:
    """Let a success that came after the lease ran out settle an `unknown` message, and nothing else."""
    adopted = await db.fetchval(
        f"""
        with message as (
            update messages set status = 'sent', wamid = $3, sent_at = now(), updated_at = now(),
                content = case when content ? 'sealed_code' then content - 'sealed_code' else content end
            where tenant_id = $1 and id = $2 and status = 'unknown' and wamid is null
            returning *
        ), told as (
            {message_events.told("message m")}
        )
        select id from message
        """,
        tenant_id,
        message_id,
        wamid,
    )
    if adopted is None:
        return
    await db.execute(
        "insert into message_wamids (tenant_id, wamid, message_id) values ($1, $2, $3) on conflict do nothing",
        tenant_id,
        wamid,
        message_id,
    )
    await db.execute(
        "delete from jobs where tenant_id = $1 and kind = 'send' and subject_id = $2 and not is_leased",
        tenant_id,
        message_id,
    )


async def mark_queued(db: Db, keys: Sequence[tuple[int, int]]) -> None:
    """Show that messages, given as (tenant_id, message_id), wait for the worker, or for an echo if one is possible."""
    await db.execute(
        f"""
        update messages m set status = case when m.is_ambiguous then 'unknown' else 'queued' end, updated_at = now()
        from {rows.table(Key, alias="k")}
        where m.tenant_id = k.tenant_id and m.id = k.id and m.status = 'sending'
        """,
        [Key(*key) for key in keys],
    )


async def explain(db: Db, tenant_id: int, message_id: int, reason: str) -> None:
    """Let a message say why it stays where it is."""
    await db.execute(
        "update messages set status_message = $3, updated_at = now() where tenant_id = $1 and id = $2",
        tenant_id,
        message_id,
        reason,
    )


async def find_queued(db: Db, keys: Sequence[tuple[int, int]]) -> set[tuple[int, int]]:
    """Return those of the messages, given as (tenant_id, message_id), of which Meta knows nothing yet.

    Nobody has started to send them, or whoever had was still uploading their files.
    """
    queued = await db.fetch(
        f"""
        select m.tenant_id, m.id
        from (select 'send'::text as kind, i.* from {rows.table(Key)} offset 0) k
        join messages m on m.tenant_id = k.tenant_id and m.id = k.id
        join jobs j on j.tenant_id = k.tenant_id and j.kind = k.kind and j.subject_id = k.id
        where m.status = 'queued' or (j.is_untried and m.status = 'sending')
        """,
        [Key(*key) for key in keys],
    )
    return {(row["tenant_id"], row["id"]) for row in queued}


async def start_sending(db: Db, keys: Sequence[tuple[int, int]]) -> list[Row]:
    """Show claimed messages, given as (tenant_id, message_id), as `sending` and return what sending them needs.

    A message that was settled since it was queued is left alone and absent from the answer.
    """
    return await db.fetch(
        f"""
        update messages m set status = 'sending', updated_at = now()
        from {rows.table(Key, alias="k")}
        where m.tenant_id = k.tenant_id and m.id = k.id and m.status in ('queued', 'sending', 'unknown')
        returning m.tenant_id, m.id, m.conversation_id, m.type, m.peer, m.text, m.content, m.reply_to,
                  m.created_at, m.is_ambiguous
        """,
        [Key(*key) for key in sorted(keys)],
    )


async def find_message(db: Db, tenant_id: int, message_id: int | None, wamid: str | None) -> Row | None:
    """Return one message by its id, or by its wamid."""
    if message_id is None:
        message_id = await db.fetchval(
            "select message_id from message_wamids where tenant_id = $1 and wamid = $2", tenant_id, wamid
        )
    return await db.fetchrow(
        """
        select m.*, v.contact_id, v.number_id, n.display_phone_number
        from messages m
        join conversations v on v.tenant_id = m.tenant_id and v.id = m.conversation_id
        join whatsapp_numbers n on n.tenant_id = v.tenant_id and n.id = v.number_id
        where m.tenant_id = $1 and m.id = $2
        """,
        tenant_id,
        message_id,
    )


async def list_attempts(db: Db, tenant_id: int, message_id: int) -> list[Row]:
    """Return the attempts of a message, first to last."""
    return await db.fetch(
        "select * from message_attempts where tenant_id = $1 and message_id = $2 order by attempt",
        tenant_id,
        message_id,
    )


async def list_statuses(db: Db, tenant_id: int, wamids: Sequence[str]) -> list[Row]:
    """Return what Meta reported about these wamids, in order of Meta's clock."""
    return await db.fetch(
        """
        select * from message_statuses where tenant_id = $1 and wamid = any($2)
        order by occurred_at, array_position(array['sent', 'delivered', 'read', 'played', 'failed'], status)
        """,
        tenant_id,
        wamids,
    )
