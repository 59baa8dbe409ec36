"""Jobs: claim, extend, release. A leased job that comes due was abandoned by its holder."""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from rasl.db.pool import Db, Row

# Queues (sending numbers) are walked by a loose index scan and served in turn, each lane apart: a backlog of one tenant
# neither delays another nor has to be read through.
_CLAIM = """
with recursive queue (id) as (
    (select min(queue_id) from jobs where kind = $1)
    union all
    select (select min(queue_id) from jobs where kind = $1 and queue_id > queue.id) from queue
    where queue.id is not null
), candidate as (
    select j.* from queue
    cross join (values (0::smallint), (1::smallint), (2::smallint)) as l (lane)
    cross join lateral (
        select tenant_id, subject_id, is_leased as was_abandoned, lane from jobs
        where kind = $1 and queue_id = queue.id and lane = l.lane and due_at <= now()
        order by due_at
        limit least($3, (select s.most from unnest($8::bigint[], $9::integer[]) as s (id, most) where s.id = queue.id))
        for update skip locked
    ) j
    where l.lane <= $6 and (l.lane <= $7 or queue.id <> all ($5::bigint[]))
    order by j.lane
    limit $2
)
update jobs j
set is_leased = true, fence = j.fence + 1, attempts = j.attempts + 1, due_at = now() + $4::interval
from candidate c
where j.tenant_id = c.tenant_id and j.kind = $1 and j.subject_id = c.subject_id
returning j.tenant_id, j.subject_id, j.queue_id, j.lane, j.fence, j.attempts, c.was_abandoned
"""


async def claim(
    db: Db,
    kind: str,
    limit: int,
    per_queue: int,
    lease: dt.timedelta,
    paused_queues: Sequence[int] = (),
    last_lane: int = 2,
    unpaused_lane: int = -1,
    shares: Mapping[int, int] = MappingProxyType({}),
) -> list[Row]:
    """Lease up to `limit` due jobs, at most `per_queue` of each queue and lane; others' claims are stepped over.

    `shares` names queues of which fewer are taken.

    A paused queue pauses for the lanes behind `unpaused_lane`; none behind `last_lane` is looked at.
    """
    return await db.fetch(
        _CLAIM,
        kind,
        limit,
        per_queue,
        lease,
        list(paused_queues),
        last_lane,
        unpaused_lane,
        list(shares),
        list(shares.values()),
    )


async def extend(db: Db, kind: str, holdings: Sequence[tuple[int, int, int]], lease: dt.timedelta) -> None:
    """Renew the leases we still hold, given as (tenant_id, subject_id, fence)."""
    await db.execute(
        """
        update jobs j set due_at = now() + $5::interval
        from unnest($1::bigint[], $2::bigint[], $3::integer[]) as h (tenant_id, subject_id, fence)
        where j.tenant_id = h.tenant_id and j.kind = $4 and j.subject_id = h.subject_id and j.fence = h.fence
          and j.is_leased
        """,
        [item[0] for item in holdings],
        [item[1] for item in holdings],
        [item[2] for item in holdings],
        kind,
        lease,
    )


async def hold(db: Db, kind: str, tenant_id: int, subject_id: int, fence: int, lease: dt.timedelta) -> bool:
    """Lock a job and renew its lease; False when it is somebody else's by now."""
    held: int | None = await db.fetchval(
        """
        update jobs set due_at = now() + $5::interval
        where tenant_id = $1 and kind = $2 and subject_id = $3 and fence = $4 and is_leased returning 1
        """,
        tenant_id,
        kind,
        subject_id,
        fence,
        lease,
    )
    return held is not None


async def release(db: Db, kind: str, holdings: Sequence[tuple[int, int, int, float]]) -> None:
    """Give jobs back untried, due again after so many seconds: (tenant_id, subject_id, fence, seconds)."""
    await db.execute(
        """
        update jobs j
        set is_leased = false, fence = j.fence + 1, attempts = j.attempts - 1,
            due_at = now() + make_interval(secs => h.seconds)
        from unnest($1::bigint[], $2::bigint[], $3::integer[], $4::float8[])
             as h (tenant_id, subject_id, fence, seconds)
        where j.tenant_id = h.tenant_id and j.kind = $5 and j.subject_id = h.subject_id and j.fence = h.fence
        """,
        [item[0] for item in holdings],
        [item[1] for item in holdings],
        [item[2] for item in holdings],
        [item[3] for item in holdings],
        kind,
    )


async def discard(db: Db, kind: str, holdings: Sequence[tuple[int, int, int]]) -> None:
    """Drop jobs that have nothing left to do, given as (tenant_id, subject_id, fence)."""
    await db.execute(
        """
        delete from jobs j using unnest($1::bigint[], $2::bigint[], $3::integer[]) as h (tenant_id, subject_id, fence)
        where j.tenant_id = h.tenant_id and j.kind = $4 and j.subject_id = h.subject_id and j.fence = h.fence
        """,
        [item[0] for item in holdings],
        [item[1] for item in holdings],
        [item[2] for item in holdings],
        kind,
    )


async def postpone_pair(db: Db, tenant_id: int, conversation_id: int, seconds: float, spacing: float) -> None:
    """Line up what still waits for one recipient after Meta's 131056: nothing before `seconds`, then one by one."""
    await db.execute(
        """
        with waiting as (
            select j.tenant_id, j.subject_id, row_number() over (order by j.due_at, j.subject_id) as place
            from messages m
            join jobs j on j.tenant_id = m.tenant_id and j.kind = 'send' and j.subject_id = m.id and not j.is_leased
            where m.tenant_id = $1 and m.conversation_id = $2 and m.status = 'queued'
              and m.created_at > now() - interval '2 days'
        ), moved as (
            update jobs j
            set due_at = greatest(j.due_at, now() + make_interval(secs => $3::float8 + $4::float8 * (w.place - 1)))
            from waiting w
            where j.tenant_id = w.tenant_id and j.kind = 'send' and j.subject_id = w.subject_id and not j.is_leased
            returning j.due_at
        )
        update conversations
        set pair_tat = greatest(pair_tat, coalesce((select max(due_at) from moved), now())
                                          + make_interval(secs => $5))
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        conversation_id,
        seconds,
        spacing,
        spacing * 45,
    )


async def backlog(db: Db) -> list[Row]:
    """Return per kind how many jobs wait, how many are in work, and the age of the oldest due one in seconds."""
    return await db.fetch(
        """
        select kind, count(*) filter (where not is_leased) as waiting, count(*) filter (where is_leased) as leased,
               coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now())), 0)::float8 as lag
        from jobs group by kind
        """
    )
