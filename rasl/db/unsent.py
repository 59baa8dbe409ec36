"""Messages that a process holds and never gave to Meta: found again, and put back into the queue."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.channels import JOBS
from rasl.db.pool import Db
from rasl.db.rows import Key


class Unsent(msgspec.Struct, frozen=True):
    """A message with the lease under which it was not sent; due again after `seconds`.

    With a `request_id` it may not be stored at all: transaction `xid` wrote it, and its commit was never confirmed.
    """

    tenant_id: int
    message_id: int
    queue_id: int
    lane: int
    fence: int
    attempt: int
    seconds: float = 0.0
    request_id: str | None = None
    xid: str | None = None


class Found(msgspec.Struct, frozen=True):
    """How such a message stands now; without a status it was never stored.

    `is_moving` says that somebody else has it at this moment: ask again.
    """

    status: str | None = None
    wamid: str | None = None
    is_moving: bool = False


# The kind travels with the rows: as a constant it would draw a plan made on an empty table to the wrong index.
_ITEM = f"""
with item as materialized (
    select 'send'::text as kind, i.*, now() + make_interval(secs => i.seconds) as due_at from {rows.table(Unsent)}
)"""
_OURS = """m.tenant_id = i.tenant_id and m.id = i.message_id
    and (i.request_id is null or m.request_id = i.request_id::uuid)"""

# What the server may still be committing. A number that it has not given out yet belongs to a server that is no more.
_PENDING = """
select x.xid from unnest($1::text[]) as x (xid)
where case when x.xid::xid8 < pg_current_xact_id() then pg_xact_status(x.xid::xid8) = 'in progress' end
"""
_RELEASE = f"""{_ITEM}, released as (
    update jobs j
    set is_leased = false, fence = j.fence + 1, attempts = greatest(j.attempts - 1, 0), due_at = i.due_at
    from item i join messages m on {_OURS}
    where j.tenant_id = i.tenant_id and j.kind = i.kind and j.subject_id = i.message_id and j.fence = i.fence
      and j.is_leased
    returning j.tenant_id, j.subject_id
)
update messages m set status = case when m.is_ambiguous then 'unknown' else 'queued' end, updated_at = now()
from released r where m.tenant_id = r.tenant_id and m.id = r.subject_id and m.status = 'sending'
"""
# A worker that found the lease run out took its process for dead and the message for unknown. Whoever held it knows
# better, unless it was tried again since.
_RESCUED_IN_VAIN = f"""{_ITEM}, lost as (
    select i.* from item i
    join messages m on {_OURS} and m.status = 'unknown'
    join message_attempts a on a.tenant_id = i.tenant_id and a.message_id = i.message_id and a.attempt = i.attempt
                               and a.outcome = 'unknown'
    where not exists (select from message_attempts later
                      where later.tenant_id = i.tenant_id and later.message_id = i.message_id
                        and later.attempt > i.attempt)
), job as (
    insert into jobs as j (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased, fence, attempts)
    select tenant_id, kind, message_id, queue_id, lane, due_at, false, fence + 2, attempt - 1 from lost
    on conflict (tenant_id, kind, subject_id) do update
    set due_at = excluded.due_at, fence = j.fence + 1, attempts = excluded.attempts
    where not j.is_leased
    returning j.tenant_id, j.subject_id
)
update messages m
set status = 'queued', status_message = null, updated_at = now(),
    is_ambiguous = exists (select from message_attempts a
                           where a.tenant_id = l.tenant_id and a.message_id = l.message_id and a.attempt < l.attempt
                             and a.outcome = 'unknown')
from job join lost l on l.tenant_id = job.tenant_id and l.message_id = job.subject_id
where m.tenant_id = l.tenant_id and m.id = l.message_id and m.status = 'unknown'
"""
_READ = f"""{_ITEM}
select m.tenant_id, m.id, m.status, m.wamid, m.status in ('sending', 'unknown') and j.is_leased is true as is_moving
from item i
join messages m on {_OURS}
left join jobs j on j.tenant_id = i.tenant_id and j.kind = i.kind and j.subject_id = i.message_id
"""


async def mark_untried(db: Db, keys: Sequence[tuple[int, int]]) -> None:
    """Note of messages, given as (tenant_id, message_id), that nothing has left this house for them yet."""
    await db.execute(
        f"""
        update jobs j set is_untried = true
        from (select 'send'::text as kind, i.* from {rows.table(Key)} offset 0) k
        where j.tenant_id = k.tenant_id and j.kind = k.kind and j.subject_id = k.id
        """,
        [Key(*key) for key in keys],
    )


async def mark_tried(db: Db, tenant_id: int, message_id: int, fence: int) -> bool:
    """Note that a message goes to Meta now; False when somebody else has it by now, who may do the same."""
    held: int | None = await db.fetchval(
        """
        update jobs set is_untried = false
        where tenant_id = $1 and kind = 'send' and subject_id = $2 and fence = $3 and is_leased returning 1
        """,
        tenant_id,
        message_id,
        fence,
    )
    return held is not None


async def find_pending(db: Db, xids: Sequence[str]) -> set[str]:
    """Return those of the transactions that have not come to their end, whatever became of their connections."""
    return {row["xid"] for row in await db.fetch(_PENDING, sorted(set(xids)))}


async def put_back(db: Db, items: Sequence[Unsent]) -> list[Found]:
    """Put messages back into the queue, as if this attempt had never begun, and tell how each stands then.

    One that was settled, or sent by somebody else in the meantime, is left alone.
    """
    await db.execute(_RELEASE, items)
    await db.execute(_RESCUED_IN_VAIN, items)
    await db.execute(f"select pg_notify('{JOBS}', '')")
    found = {
        (row["tenant_id"], row["id"]): Found(row["status"], row["wamid"], row["is_moving"])
        for row in await db.fetch(_READ, items)
    }
    return [found.get((item.tenant_id, item.message_id), Found()) for item in items]
