"""Queries on what Meta posted: raw rows in, due rows out, and the quarantine."""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl import metrics
from rasl.db import rows
from rasl.db.channels import INGESTS
from rasl.db.numbers import CONNECTED
from rasl.db.pool import Db, Row

# Of one batch, so that a batch of full deliveries does not hold up the event loop.
_MOST_BYTES = 2 * 1024 * 1024
_LARGE = 64 * 1024  # bytes; such a delivery comes after the others of its turn


class Quarantined(msgspec.Struct, frozen=True):
    """A change that cannot be applied, and why."""

    app_id: int
    ingest_id: int
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


async def limit_waits(db: Db, lock_seconds: float, statement_seconds: float) -> None:
    """Give locks and statements of this transaction so long, and a process that stands still no longer than one."""
    await db.execute(
        """
        select set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
               set_config('idle_in_transaction_session_timeout', $2, true)
        """,
        f"{lock_seconds * 1000:.0f}",
        f"{statement_seconds * 1000:.0f}",
    )


# Apps are found by hopping from one to the next in the index, and each gives its share of the batch, oldest first.
# Where there are very many, half of them are left to another worker. An app is in the hands of one worker at a time,
# so that what it delivered is applied in the order in which it came. Every part is found by index whatever the tables
# held when the statement was prepared: a join back to `ingests` would be planned as a walk over the whole of it.
_CLAIM_DUE = """
with recursive hop as (
    (select app_id from ingests where applied_at is null order by app_id limit 1)
    union all
    select (select i.app_id from ingests i where i.applied_at is null and i.app_id > hop.app_id
            order by i.app_id limit 1)
    from hop where hop.app_id is not null
), active as materialized (
    select app_id from hop where app_id is not null
), chosen as materialized (
    select app_id from active order by random() limit (select greatest(8, count(*) / 2) from active)
), app as materialized (
    select app_id from chosen where pg_try_advisory_xact_lock(hashtextextended('ingests', app_id))
), due as materialized (
    select app.app_id, i.id, i.due_at, i.size from app cross join lateral (
        select id, due_at, octet_length(body) as size from ingests
        where app_id = app.app_id and applied_at is null and due_at <= now()
        order by due_at, id limit (select greatest(1, $1 / greatest(1, count(*))) from app)
        for update skip locked
    ) i
), ranked as (
    select *, row_number() over (partition by app_id order by due_at, id) as turn from due
), placed as (
    select id, sum(size) over (order by turn, size > $3, due_at, id) - size as bytes_before from ranked
)
select id, app_id, body, received_at, failures from ingests
where id = any(array(select id from placed where bytes_before < $2))
order by id
"""


async def claim_due(db: Db, limit: int) -> list[Row]:
    """Lock due deliveries until the transaction ends, every app's share of them; those of others are stepped over."""
    return await db.fetch(_CLAIM_DUE, limit, _MOST_BYTES, _LARGE)


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
    applied = await db.fetch(
        """
        update ingests set applied_at = now() where id = any($1::bigint[])
        returning extract(epoch from clock_timestamp() - received_at)::float8 as seconds
        """,
        ids,
    )
    for row in applied:
        metrics.APPLY_SECONDS.observe(row["seconds"])


async def put_off(db: Db, ingest_id: int, reason: str, pause: dt.timedelta) -> int:
    """Try a delivery again after a pause that doubles with each failure; returns how many there are now."""
    failures: int | None = await db.fetchval(
        """
        update ingests set failures = failures + 1, last_error = $2,
            due_at = now() + $3::interval * power(2, least(failures, 6))
        where id = $1 and applied_at is null
        returning failures
        """,
        ingest_id,
        reason,
        pause,
    )
    return failures or 0


async def quarantine(db: Db, changes: Sequence[Quarantined]) -> None:
    """Keep changes that were not applied where an operator finds them."""
    await db.execute(
        f"""
        insert into quarantined_changes ({rows.names(Quarantined)})
        select app_id, ingest_id, phone_number_id, reason, coalesce(change, 'null') from {rows.table(Quarantined)}
        """,
        changes,
    )


async def set_aside(db: Db, ingest_id: int, reason: str) -> None:
    """Keep a whole delivery for an operator, whatever is in it: nothing of it is read for that."""
    await db.execute(
        """
        with done as (
            update ingests set applied_at = now(), last_error = $2 where id = $1 and applied_at is null
            returning id, app_id
        )
        insert into quarantined_changes (app_id, ingest_id, reason, change)
        select app_id, id, $2, 'null' from done
        """,
        ingest_id,
        reason,
    )


async def list_quarantined(db: Db, limit: int) -> list[Row]:
    """Return what was set aside, newest first; `is_kept` tells whether its delivery is there to be applied again."""
    return await db.fetch(
        """
        select q.id, q.app_id, q.ingest_id, q.phone_number_id, q.reason, q.received_at, i.id is not null as is_kept
        from quarantined_changes q left join ingests i on i.id = q.ingest_id
        order by q.id desc limit $1
        """,
        limit,
    )


async def find_quarantined(db: Db, quarantined_id: int) -> Row | None:
    """Return one change that was set aside, with the body of its delivery as far as that is kept."""
    return await db.fetchrow(
        """
        select q.id, q.app_id, q.ingest_id, q.phone_number_id, q.reason, q.received_at, i.id is not null as is_kept,
               q.change, i.body
        from quarantined_changes q left join ingests i on i.id = q.ingest_id where q.id = $1
        """,
        quarantined_id,
    )


async def retry_quarantined(db: Db, quarantined_ids: Sequence[int] | None) -> int:
    """Make the deliveries of these changes, or of all, due again and forget what was set aside of them.

    Returns how many deliveries there were. What was applied of them is not applied twice.
    """
    retried: int = await db.fetchval(
        """
        with wanted as materialized (
            select distinct ingest_id from quarantined_changes where $1::bigint[] is null or id = any($1)
        ), again as (
            update ingests set applied_at = null, due_at = now(), failures = 0, last_error = null
            where id = any(array(select ingest_id from wanted)) returning id
        ), gone as (
            delete from quarantined_changes where ingest_id = any(array(select id from again))
        )
        select count(*) from again
        """,
        quarantined_ids,
    )
    await db.execute("select pg_notify($1, '')", INGESTS)
    return retried


async def count_failing(db: Db) -> list[Row]:
    """Return per app how many deliveries have failed at least once and are not applied.

    `lag` is the age in seconds of the oldest of them, `failures` the most tries that one of them has had and
    `last_error` what the oldest failed of.
    """
    return await db.fetch(
        """
        select i.app_id, count(*) as deliveries, extract(epoch from now() - min(i.received_at))::float8 as lag,
               max(i.failures) as failures, (array_agg(i.last_error order by i.received_at, i.id))[1] as last_error,
               (select array_agg(distinct t.subdomain order by t.subdomain) from whatsapp_numbers n
                join tenants t on t.id = n.tenant_id where n.app_id = i.app_id) as subdomains
        from ingests i where i.applied_at is null and i.failures > 0
        group by i.app_id order by i.app_id
        """
    )


async def route(db: Db, phone_number_ids: Sequence[str]) -> dict[str, Row]:
    """Return connected numbers by Meta's id: their app, when they were last heard of, their words, wanted events."""
    numbers = await db.fetch(
        f"""
        select n.phone_number_id, n.tenant_id, n.id, n.app_id, n.last_webhook_at, t.stop_words, t.start_words,
               t.webhook_events
        from whatsapp_numbers n join tenants t on t.id = n.tenant_id
        where n.phone_number_id = any($1) and n.{CONNECTED}
        """,
        phone_number_ids,
    )
    return {row["phone_number_id"]: row for row in numbers}
