"""Queries on events: what happened, kept in the transaction that made it happen."""

from collections.abc import Sequence

from rasl.db.pool import Db
from rasl.domain.events import Event


async def insert(db: Db, events: Sequence[tuple[int, Event]]) -> None:
    """Keep events, given with their tenant; one that happens only once and is there already is passed over."""
    await db.execute(
        """
        insert into events (tenant_id, type, once, payload)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[])
        on conflict do nothing
        """,
        [tenant_id for tenant_id, _ in events],
        [event.type for _, event in events],
        [event.once for _, event in events],
        [dict(event.payload) for _, event in events],
    )
