"""Queries on what purges dropped, by tenant, kind and day: written by the transaction that drops."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row

NOBODY = 0  # stands for the tenant of what is no tenant's


class Tally(msgspec.Struct, frozen=True):
    """How much of a tenant one batch dropped."""

    tenant_id: int
    rows: int
    bytes: int
    files: int = 0


async def add(db: Db, kind: str, dropped: Sequence[Tally]) -> None:
    """Add to what was dropped of a kind today; with nothing it is kept that there was nothing to drop."""
    found = sorted(dropped, key=lambda tally: tally.tenant_id) or [Tally(NOBODY, 0, 0)]
    await db.execute(
        f"""
        insert into purge_tallies (tenant_id, kind, day, rows, bytes, files, last_at)
        select k.tenant_id, $2, now()::date, k.rows, k.bytes, k.files, now() from {rows.table(Tally, alias="k")}
        on conflict (tenant_id, kind, day) do update set rows = purge_tallies.rows + excluded.rows,
            bytes = purge_tallies.bytes + excluded.bytes, files = purge_tallies.files + excluded.files,
            last_at = greatest(purge_tallies.last_at, excluded.last_at)
        """,
        found,
        kind,
    )


async def report(db: Db, days: int, tenant_id: int | None) -> list[Row]:
    """Return by tenant and kind what was dropped in the last days, of everybody or of one, and when last."""
    return await db.fetch(
        """
        select k.tenant_id, t.subdomain, k.kind, sum(k.rows)::bigint as rows, sum(k.bytes)::bigint as bytes,
               sum(k.files)::bigint as files, sum(k.rows) filter (where k.day = now()::date)::bigint as rows_today,
               max(k.last_at) as last_at
        from purge_tallies k left join tenants t on t.id = k.tenant_id
        where k.day > now()::date - $1::integer and ($2::bigint is null or k.tenant_id = $2)
        group by k.tenant_id, t.subdomain, k.kind order by k.tenant_id, k.kind
        """,
        days,
        tenant_id,
    )
