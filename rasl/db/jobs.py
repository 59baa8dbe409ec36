"""Jobs: add, claim, extend, release, put off, discard. A leased job that comes due was abandoned by its holder.

A queue with waiting jobs stands in line by its turns (`job_turns`), written by a trigger with the jobs. A claim serves
the queues whose turn has come, first come, first served, and lets each stand in line again, at the end, for what it
leaves.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from rasl.db import rows
from rasl.db.channels import JOBS
from rasl.db.pool import Db, Row

LAST_LANE = 2
Holding = tuple[int, int, int]  # tenant_id, subject_id, fence


class NewJob(msgspec.Struct, frozen=True):
    """A job to be added: `queue_id` says what is served in turn, `lane` what goes first."""

    tenant_id: int
    subject_id: int
    queue_id: int
    lane: int = 0


class _Held(msgspec.Struct, frozen=True):
    tenant_id: int
    subject_id: int
    fence: int


class _Released(_Held, frozen=True):
    seconds: float


class Ask(msgspec.Struct, frozen=True):
    """How much of a kind is claimed: at most `limit` jobs, `per_queue` of each queue and lane.

    `shares` names queues of which fewer are taken. A paused queue pauses for the lanes behind `unpaused_lane`; none
    behind `last_lane` is looked at.
    """

    limit: int
    per_queue: int
    paused: Sequence[int] = ()
    last_lane: int = LAST_LANE
    unpaused_lane: int = -1
    shares: Mapping[int, int] = MappingProxyType({})


# Whatever is locked here is stepped over when somebody else has it, and nothing is waited for. The last turn of a queue
# goes only when this statement sees no other job in it; a job that it cannot see yet brings a turn that it cannot see.
#
# The plan is made while the tables are empty, when every way to a row seems to cost the same. So there is one way only:
# rows that were locked are reached by their place (one that moved meanwhile is left for the next claim), and what an
# index must not be chosen by is an expression.
_CLAIM = """
with turn as materialized (
    select t.* from (values (0::smallint), (1::smallint), (2::smallint)) as l (lane)
    cross join lateral (
        select queue_id, lane, due_at from job_turns
        where kind = $1 and lane = l.lane and due_at <= now() and (l.lane <= $7 or queue_id <> all ($5::bigint[]))
        order by due_at limit $2
        for update skip locked
    ) t
    where l.lane <= $6
), queue as materialized (
    -- Where many stand in line, each gets little at a time.
    select queue_id, lane, row_number() over (order by lane, min(due_at), queue_id) as place,
           least($3, ceil($2::float8 / count(*) over (partition by lane))::integer) as share
    from turn group by queue_id, lane
), abandoned as materialized (
    select ctid as spot from jobs
    where kind || '' = $1 and is_leased and due_at <= now() and lane <= $6
      and (lane <= $7 or queue_id <> all ($5::bigint[]))
    order by due_at limit ($2 + 1) / 2
    for update skip locked
), waiting as materialized (
    select j.spot, q.place from (select * from queue order by place) q
    cross join lateral (
        select ctid as spot from jobs
        where kind = $1 and queue_id = q.queue_id and lane = q.lane and due_at <= now() and not is_leased
        order by due_at
        limit least(q.share, (select s.most from unnest($8::bigint[], $9::integer[]) as s (id, most)
                              where s.id = q.queue_id))
        for update skip locked
    ) j
    limit $2 - (select count(*) from abandoned)
), taken_over as (
    update jobs set is_leased = true, fence = fence + 1, attempts = attempts + 1, due_at = now() + $4::interval,
        failures = failures + 1, last_error = 'the process that worked on it died'
    where ctid = any(array(select spot from abandoned))
    returning tenant_id, subject_id, queue_id, lane, fence, attempts, failures
), taken as (
    update jobs set is_leased = true, fence = fence + 1, attempts = attempts + 1, due_at = now() + $4::interval
    where ctid = any(array(select spot from waiting))
    returning tenant_id, subject_id, queue_id, lane, fence, attempts, failures
), served as materialized (
    -- The first job that this claim leaves in each queue it came to, locked or not.
    select q.queue_id, q.lane, (
        select j.due_at from jobs j where j.kind = $1 and j.queue_id = q.queue_id and j.lane = q.lane
        order by j.due_at limit 1
        offset (select count(*) from taken t where t.queue_id = q.queue_id and t.lane = q.lane)
    ) as next_due
    from queue q
    where (select count(*) from waiting) < $2 - (select count(*) from abandoned)
       or q.place <= (select max(place) from waiting)
), gone as (
    delete from job_turns where ctid = any(array(
        select t.spot from served s cross join lateral (
            select ctid as spot from job_turns
            where queue_id = s.queue_id and lane + 0 = s.lane and kind || '' = $1
            for update skip locked
        ) t
    ))
), again as (
    insert into job_turns (kind, queue_id, lane, due_at)
    select $1, queue_id, lane, greatest(next_due, now()) from served where next_due < 'infinity'
)
select *, true as was_abandoned from taken_over union all select *, false from taken
"""


async def add(db: Db, kind: str, jobs: Sequence[NewJob], held_for: dt.timedelta | None = None) -> None:
    """Add jobs, due at once, or leased to the caller for so long; one that is there already stays as it is."""
    await db.execute(
        f"""
        insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
        select tenant_id, $2, subject_id, queue_id, lane, now() + coalesce($3::interval, interval '0'),
               $3::interval is not null
        from {rows.table(NewJob)}
        on conflict do nothing
        """,
        sorted(jobs, key=lambda job: (job.tenant_id, job.subject_id)),
        kind,
        held_for,
    )
    if held_for is None:
        await db.execute(f"select pg_notify('{JOBS}', '')")


async def claim(db: Db, kind: str, ask: Ask, lease: dt.timedelta) -> list[Row]:
    """Lease due jobs; what others are claiming at this moment is stepped over."""
    return await db.fetch(
        _CLAIM,
        kind,
        ask.limit,
        ask.per_queue,
        lease,
        list(ask.paused),
        ask.last_lane,
        ask.unpaused_lane,
        list(ask.shares),
        list(ask.shares.values()),
    )


def by_key(tenant_id: str, kind: str, subject_id: str) -> str:
    """Return a condition on a job `j` that is a look-up by primary key, whatever the planner knows of the table.

    Equalities would do when it knows how many jobs there are. When it takes the table for empty, wrongly, it would as
    soon walk all jobs, or all of the kind; a comparison of rows can be answered by one index only, and from this side.
    The equality, with a column that no index begins with, lets it guess how few rows that brings. One more, of
    tenants, would bring the walk back: where tenants are spread over servers, this is the place for three equalities.
    """
    key, columns = f"({tenant_id}, {kind}, {subject_id})", "(j.tenant_id, j.kind, j.subject_id)"
    return f"{columns} >= {key} and {columns} <= {key} and j.subject_id = {subject_id}"


_ONE = by_key("$1::bigint", "$2::text", "$3::bigint")


async def extend(db: Db, kind: str, holdings: Sequence[Holding], lease: dt.timedelta) -> None:
    """Renew the leases we still hold, given as (tenant_id, subject_id, fence)."""
    await db.execute(
        f"""
        update jobs j set due_at = now() + $3::interval
        from {rows.table(_Held, alias="h")}
        where {by_key("h.tenant_id", "$2::text", "h.subject_id")} and j.fence = h.fence and j.is_leased
        """,
        [_Held(*holding) for holding in holdings],
        kind,
        lease,
    )


async def hold(db: Db, kind: str, tenant_id: int, subject_id: int, fence: int, lease: dt.timedelta) -> bool:
    """Lock a job and renew its lease; False when it is somebody else's by now."""
    held: int | None = await db.fetchval(
        f"""
        update jobs j set due_at = now() + $5::interval
        where {_ONE} and fence = $4 and is_leased returning 1
        """,
        tenant_id,
        kind,
        subject_id,
        fence,
        lease,
    )
    return held is not None


async def release(db: Db, kind: str, holdings: Sequence[tuple[int, int, int, float]]) -> set[tuple[int, int]]:
    """Give jobs back untried, due again after so many seconds: (tenant_id, subject_id, fence, seconds).

    Returns (tenant_id, subject_id) of those that were still ours to give.
    """
    released = await db.fetch(
        f"""
        with held as materialized (
            select h.*, now() + make_interval(secs => h.seconds) as due_at from {rows.table(_Released, alias="h")}
        )
        update jobs j
        set is_leased = false, fence = j.fence + 1, attempts = j.attempts - 1, due_at = h.due_at
        from held h
        where {by_key("h.tenant_id", "$2::text", "h.subject_id")} and j.fence = h.fence
        returning j.tenant_id, j.subject_id
        """,
        [_Released(*holding) for holding in holdings],
        kind,
    )
    return {(row["tenant_id"], row["subject_id"]) for row in released}


async def put_off(
    db: Db, kind: str, holding: Holding, seconds: float | None, failures: int, error: str
) -> bool:
    """Give a job back that failed, due again after so many seconds; with None it is set aside until it is retried.

    False when it is somebody else's by now.
    """
    put_off: int | None = await db.fetchval(
        f"""
        with fate as materialized (
            select coalesce(now() + make_interval(secs => $5), 'infinity') as due_at,
                   case when $5::float8 is null then now() end as set_aside_at
        )
        update jobs j
        set is_leased = false, fence = fence + 1, attempts = attempts - 1, failures = $6, last_error = $7,
            due_at = fate.due_at, set_aside_at = fate.set_aside_at
        from fate where {_ONE} and fence = $4
        returning 1
        """,
        holding[0],
        kind,
        *holding[1:],
        seconds,
        failures,
        error,
    )
    return put_off is not None


async def discard(db: Db, kind: str, holdings: Sequence[Holding]) -> None:
    """Drop jobs that have nothing left to do, given as (tenant_id, subject_id, fence)."""
    await db.execute(
        f"""
        delete from jobs j
        using {rows.table(_Held, alias="h")}
        where {by_key("h.tenant_id", "$2::text", "h.subject_id")} and j.fence = h.fence
        """,
        [_Held(*holding) for holding in holdings],
        kind,
    )


async def postpone_pair(db: Db, tenant_id: int, conversation_id: int, seconds: float, spacing: float) -> None:
    """Line up what still waits for one recipient after Meta's 131056: nothing before `seconds`, then one by one."""
    await db.execute(
        """
        with waiting as (
            select j.tenant_id, j.subject_id, now() + make_interval(secs => $3::float8
                       + $4::float8 * (row_number() over (order by j.due_at, j.subject_id) - 1)) as due_at
            from messages m
            join jobs j on j.tenant_id = m.tenant_id and j.kind = 'send' and j.subject_id = m.id and not j.is_leased
                           and j.set_aside_at is null
            where m.tenant_id = $1 and m.conversation_id = $2 and m.status = 'queued'
              and m.created_at > now() - interval '2 days'
        ), moved as (
            update jobs j set due_at = greatest(j.due_at, w.due_at)
            from waiting w
            where j.tenant_id = w.tenant_id and j.kind = 'send' and j.subject_id = w.subject_id and not j.is_leased
            returning j.due_at
        ), ahead as materialized (
            select coalesce(max(due_at), now()) + make_interval(secs => $5) as at from moved
        )
        update conversations set pair_tat = greatest(pair_tat, ahead.at) from ahead where tenant_id = $1 and id = $2
        """,
        tenant_id,
        conversation_id,
        seconds,
        spacing,
        spacing * 45,
    )


async def progressed(db: Db, kind: str, tenant_id: int, subject_id: int) -> None:
    """Note that a job got on: what moves has not failed in a row."""
    await db.execute(
        f"""
        update jobs j set attempts = 1, failures = 0, last_error = null
        where {_ONE}
        """,
        tenant_id,
        kind,
        subject_id,
    )


async def remove(db: Db, kind: str, tenant_id: int, subject_id: int) -> None:
    """Drop a job whoever holds it: its subject is settled."""
    await db.execute(f"delete from jobs j where {_ONE}", tenant_id, kind, subject_id)


async def list_failing(
    db: Db, kind: str | None, tenant_id: int | None, limit: int, *, is_set_aside: bool | None = None
) -> list[Row]:
    """Return jobs that failed, those set aside first."""
    return await db.fetch(
        """
        select j.kind, j.tenant_id, t.subdomain, j.subject_id, j.queue_id, j.failures, j.last_error, j.set_aside_at,
               case when j.set_aside_at is null then j.due_at end as due_at
        from jobs j join tenants t on t.id = j.tenant_id
        where j.failures > 0 and ($1::text is null or j.kind = $1) and ($2::bigint is null or j.tenant_id = $2)
          and ($3::boolean is null or $3 = (j.set_aside_at is not null))
        order by j.set_aside_at, j.kind, j.tenant_id, j.subject_id limit $4
        """,
        kind,
        tenant_id,
        is_set_aside,
        limit,
    )


async def retry(db: Db, kind: str | None, tenant_id: int | None, subject_id: int | None) -> int:
    """Make jobs due that were put off or set aside, as if they had never failed; returns how many."""
    found = await db.fetch(
        """
        update jobs j set due_at = now(), failures = 0, last_error = null, set_aside_at = null
        where j.failures > 0 and not j.is_leased and ($1::text is null or j.kind = $1)
          and ($2::bigint is null or j.tenant_id = $2) and ($3::bigint is null or j.subject_id = $3)
        returning 1
        """,
        kind,
        tenant_id,
        subject_id,
    )
    if found:
        await db.execute(f"select pg_notify('{JOBS}', '')")
    return len(found)


async def retry_queue(db: Db, tenant_id: int, queue_id: int) -> None:
    """Make all jobs of a queue due that nobody works on, as if they had never failed."""
    await db.execute(
        """
        update jobs j set due_at = now(), failures = 0, last_error = null, set_aside_at = null
        where j.tenant_id = $1 and j.queue_id = $2 and j.kind = any($3) and not j.is_leased
        """,
        tenant_id,
        queue_id,
        ["send", "media"],
    )
    await db.execute(f"select pg_notify('{JOBS}', '')")


async def count_failing(db: Db) -> list[Row]:
    """Return per kind how many jobs keep failing, how many of them were set aside, and what was raised last."""
    return await db.fetch(
        """
        select kind, count(*) filter (where set_aside_at is null) as failing,
               count(*) filter (where set_aside_at is not null) as set_aside,
               (array_agg(last_error order by set_aside_at desc nulls last, failures desc))[1] as last_error
        from jobs where failures > 0 group by kind order by kind
        """
    )


async def backlog(db: Db) -> list[Row]:
    """Return per kind how many jobs wait, how many are in work, and the age of the oldest due one in seconds."""
    return await db.fetch(
        """
        select kind, count(*) filter (where not is_leased and set_aside_at is null) as waiting,
               count(*) filter (where is_leased) as leased,
               coalesce(extract(epoch from now() - min(due_at) filter (where due_at <= now())), 0)::float8 as lag
        from jobs group by kind
        """
    )
