"""Queries on events: what happened, kept in the transaction that made it happen."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import rows
from rasl.db.pool import Db
from rasl.domain.events import Event


class _Row(msgspec.Struct, frozen=True):
    tenant_id: int
    type: str
    once: str | None
    payload: Mapping[str, Any]


async def insert(db: Db, events: Sequence[tuple[int, Event]]) -> None:
    """Keep events, given with their tenant; one that happens only once and is there already is passed over."""
    await db.execute(
        f"""
        insert into events ({rows.names(_Row)}) select {rows.names(_Row)} from {rows.table(_Row)}
        on conflict do nothing
        """,
        [_Row(tenant_id, event.type, event.once, dict(event.payload)) for tenant_id, event in events],
    )
