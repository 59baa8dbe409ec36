"""Limits of so many per window, exact over all processes: one row, changed by one statement."""

from rasl.db.pool import Db
from rasl.domain.fixed_windows import WindowLimit


async def hit(db: Db, tenant_id: int, limit: WindowLimit, subject: str) -> float | None:
    """Count one; returns None while there was room, else the seconds until the window ends."""
    taken = await db.fetchval(
        """
        insert into window_limits as w (tenant_id, name, subject, hits, ends_at)
        values ($1, $2, $3, 1, now() + $5::interval)
        on conflict (tenant_id, name, subject) do update set
            hits = case when w.ends_at <= excluded.hit_at then 1 else w.hits + 1 end,
            ends_at = case when w.ends_at <= excluded.hit_at then excluded.ends_at else w.ends_at end,
            hit_at = excluded.hit_at
        where w.ends_at <= excluded.hit_at or w.hits < $4
        returning true
        """,
        tenant_id,
        limit.name,
        subject,
        limit.most,
        limit.window,
    )
    if taken:
        return None
    left: float | None = await db.fetchval(
        """
        select extract(epoch from ends_at - now())::float8 from window_limits
        where tenant_id = $1 and name = $2 and subject = $3
        """,
        tenant_id,
        limit.name,
        subject,
    )
    # Cleared, or over, between the two statements.
    return max(0.0, left or 0.0)


async def clear(db: Db, tenant_id: int, limit: WindowLimit, subject: str) -> None:
    """Begin anew."""
    await db.execute(
        "delete from window_limits where tenant_id = $1 and name = $2 and subject = $3",
        tenant_id,
        limit.name,
        subject,
    )
