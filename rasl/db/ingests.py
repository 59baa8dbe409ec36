"""Queries on what Meta posted: raw rows in, due rows out, and the quarantine."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl import metrics
from rasl.db.channels import INGESTS
from rasl.db.pool import Db, Row

_MOST_BYTES = (
    2 * 1024 * 1024
)  # of one batch, so that a batch of full deliveries does not hold up the event loop


class Quarantined(msgspec.Struct, frozen=True):
    """A change that cannot be applied, and why."""

    app_id: int
    phone_number_id: str | None
    reason: str
    change: Any


async def store(db: Db, deliveries: Sequence[tuple[int, bytes]]) -> None:
    """Keep deliveries, given as (app_id, body), and wake whoever applies them; one statement, one commit."""
    await db.execute(
        """
        with stored as (insert into ingests (app_id, body) select * from unnest($1::bigint[], $2::bytea[]))
        select pg_notify($3, '')
        """,
        [item[0] for item in deliveries],
        [item[1] for item in deliveries],
        INGESTS,
    )


async def claim_due(db: Db, limit: int) -> list[Row]:
    """Lock due deliveries until the transaction ends, oldest first; those of others are stepped over."""
    return await db.fetch(
        """
        with due as materialized (
            select id, due_at, octet_length(body) as size from ingests
            where applied_at is null and due_at <= now()
            order by due_at, id limit $1
            for update skip locked
        ), placed as (
            select id, sum(size) over (order by due_at, id) - size as bytes_before from due
        )
        select i.id, i.app_id, i.body, i.received_at, i.failures
        from placed p join ingests i using (id)
        where p.bytes_before < $2
        order by i.id
        """,
        limit,
        _MOST_BYTES,
    )


async def claim_again(db: Db, ids: Sequence[int]) -> list[Row]:
    """Lock those of the given deliveries that are still due and not in somebody else's hands."""
    return await db.fetch(
        """
        select id, app_id, body, received_at, failures from ingests
        where id = any($1::bigint[]) and applied_at is null and due_at <= now()
        order by id
        for update skip locked
        """,
        ids,
    )


async def mark_applied(db: Db, ids: Sequence[int]) -> None:
    """Count deliveries as done; the raw rows stay for reprocessing until they are purged."""
    rows = await db.fetch(
        """
        update ingests set applied_at = now() where id = any($1::bigint[])
        returning extract(epoch from clock_timestamp() - received_at)::float8 as seconds
        """,
        ids,
    )
    for row in rows:
        metrics.APPLY_SECONDS.observe(row["seconds"])


async def put_off(db: Db, ingest_id: int, failures: int, delay: dt.timedelta) -> None:
    """Try a delivery again later."""
    await db.execute(
        "update ingests set failures = $2, due_at = now() + $3::interval where id = $1 and applied_at is null",
        ingest_id,
        failures,
        delay,
    )


async def quarantine(db: Db, changes: Sequence[Quarantined]) -> None:
    """Keep changes that were not applied where an operator finds them."""
    await db.execute(
        """
        insert into quarantined_changes (app_id, phone_number_id, reason, change)
        select * from unnest($1::bigint[], $2::text[], $3::text[], $4::jsonb[])
        """,
        [item.app_id for item in changes],
        [item.phone_number_id for item in changes],
        [item.reason for item in changes],
        [item.change for item in changes],
    )


async def route(db: Db, phone_number_ids: Sequence[str]) -> dict[str, Row]:
    """Return tenant_id, id and app_id of connected numbers by Meta's id."""
    rows = await db.fetch(
        "select phone_number_id, tenant_id, id, app_id from whatsapp_numbers where phone_number_id = any($1)",
        phone_number_ids,
    )
    return {row["phone_number_id"]: row for row in rows}


async def forget_applied(db: Db, age: dt.timedelta, limit: int) -> int:
    """Drop up to `limit` raw deliveries that were applied longer ago than this; returns how many."""
    count: int = await db.fetchval(
        """
        with gone as (
            delete from ingests where id in (
                select id from ingests where applied_at < now() - $1::interval order by applied_at limit $2)
            returning 1
        )
        select count(*) from gone
        """,
        age,
        limit,
    )
    return count
