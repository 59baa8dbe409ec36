"""Queries on the counters of one-time passwords: locked, compared with the budgets, and written by one transaction."""

import datetime as dt
from collections.abc import Mapping, Sequence

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.domain.otp_budgets import Key


class _Counter(Key, frozen=True):
    """A counter with what it has to count."""

    sent: int
    blocked: int


async def lock(db: Db, keys: Sequence[Key]) -> tuple[dict[Key, int], dt.datetime]:
    """Return what was sent in the hour or day that runs now, and the moment; nobody else counts until the end."""
    ordered = sorted(set(keys))
    await db.execute(
        f"""
        insert into otp_budgets (tenant_id, scope, subject, period, starts_at)
        select k.tenant_id, k.scope, k.subject, k.period, date_trunc(k.period, now(), 'UTC')
        from {rows.ordered(Key, alias="k")}
        order by k.ord
        on conflict do nothing
        """,
        ordered,
    )
    locked = await db.fetch(
        f"{_SELECT} order by b.tenant_id, b.scope, b.subject, b.period for update of b", ordered
    )
    return _counted(locked), locked[0]["now"]


async def read(db: Db, keys: Sequence[Key]) -> tuple[dict[Key, int], dt.datetime]:
    """Return the same without counting or locking anything."""
    found = await db.fetch(_SELECT, keys)
    moment: dt.datetime = await db.fetchval("select now()")
    return dict.fromkeys(keys, 0) | _counted(found), moment


_SELECT = f"""
select b.tenant_id, b.scope, b.subject, b.period, b.sent, now() as now
from {rows.table(Key, alias="k")}
cross join lateral (
    select * from otp_budgets o
    where o.tenant_id = k.tenant_id and o.scope = k.scope and o.subject = k.subject and o.period = k.period
      and o.starts_at = date_trunc(k.period, now(), 'UTC')
    order by o.tenant_id, o.scope, o.subject, o.period, o.starts_at limit 1
) b
"""


async def add(db: Db, sent: Mapping[Key, int], blocked: Mapping[Key, int]) -> None:
    """Count what locked counters have to count."""
    keys = sorted({key for counts in (sent, blocked) for key, count in counts.items() if count})
    if not keys:
        return
    await db.execute(
        f"""
        update otp_budgets b set sent = b.sent + k.sent, blocked = b.blocked + k.blocked
        from {rows.table(_Counter, alias="k")}
        where b.tenant_id = k.tenant_id and b.scope = k.scope and b.subject = k.subject and b.period = k.period
          and b.starts_at = date_trunc(k.period, now(), 'UTC')
        """,
        [
            _Counter(key.tenant_id, key.scope, key.subject, key.period, sent.get(key, 0), blocked.get(key, 0))
            for key in keys
        ],
    )


async def raise_alarms(db: Db, least: int, ratio: float, limit: int) -> list[Row]:
    """Mark the prefixes of this hour to which too few of the codes sent came back, and return them once.

    A code counts when it was entered or its time is over; at least `least` must count.
    """
    return await db.fetch(
        """
        with settled as (
            select b.tenant_id, b.subject, b.starts_at, count(*) as sent,
                   count(o.verified_at) as verified, min(o.country) as country
            from otp_budgets b
            join otps o on o.tenant_id = b.tenant_id and o.prefix = b.subject
                and o.created_at >= now() - interval '1 hour'
                and (o.verified_at is not null or o.invalidated_at is not null or o.expires_at <= now())
            where b.scope = 'prefix' and b.period = 'hour' and b.alarmed_at is null
              and b.starts_at = date_trunc('hour', now(), 'UTC')
            group by b.tenant_id, b.subject, b.starts_at
            having count(*) >= $1 and count(o.verified_at) < $2::float8 * count(*)
            limit $3
        )
        update otp_budgets b set alarmed_at = now() from settled s
        where b.tenant_id = s.tenant_id and b.scope = 'prefix' and b.subject = s.subject and b.period = 'hour'
          and b.starts_at = s.starts_at and b.alarmed_at is null
        returning b.tenant_id, b.subject, b.starts_at, s.sent::integer as sent, s.verified::integer as verified,
            s.country
        """,
        least,
        ratio,
        limit,
    )


def _counted(found: Sequence[Row]) -> dict[Key, int]:
    return {Key(row["tenant_id"], row["scope"], row["subject"], row["period"]): row["sent"] for row in found}
