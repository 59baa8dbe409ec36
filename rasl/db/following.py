"""Questions of `rasl tail`, asked every second: each walks the end of an index, and no more than `limit` of it."""

from collections.abc import Sequence

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.db.rows import Key

_LARGEST_BODY = 64 * 1024  # a larger delivery is told of by its size alone
_MESSAGE = """m.tenant_id, m.id, m.direction, m.type, m.status, m.peer, m.text, m.error_code, m.status_message,
        m.created_at, m.updated_at,
        exists (select from otps o where o.tenant_id = m.tenant_id and o.message_id = m.id) as is_password"""
_DELIVERY = (
    "i.id, i.app_id, i.received_at, i.applied_at, i.failures, i.last_error, octet_length(i.body) as size"
)


async def list_subdomains(db: Db) -> dict[int, str]:
    """Return every tenant's subdomain by its id."""
    return {row["id"]: row["subdomain"] for row in await db.fetch("select id, subdomain from tenants")}


async def list_messages_after(db: Db, tenant_ids: Sequence[int], after_id: int, limit: int) -> list[Row]:
    """Return the newest messages of each of these tenants whose id is above this one."""
    return await db.fetch(
        f"""
        select {_MESSAGE} from unnest($1::bigint[]) as t (tenant_id) cross join lateral (
            select * from messages where tenant_id = t.tenant_id and id > $2 order by id desc limit $3
        ) m
        """,
        tenant_ids,
        after_id,
        limit,
    )


async def list_messages(db: Db, messages: Sequence[Key]) -> list[Row]:
    """Return these messages as they are now."""
    return await db.fetch(
        f"""
        select {_MESSAGE} from {rows.table(Key, alias="k")} cross join lateral (
            select * from messages where tenant_id = k.tenant_id and id = k.id limit 1
        ) m
        """,
        messages,
    )


async def list_reports(db: Db, seconds: float, limit: int) -> list[Row]:
    """Return what Meta reported about messages of ours in the last so many seconds, newest first."""
    return await db.fetch(
        """
        select s.tenant_id, s.wamid, s.status, s.occurred_at, s.received_at, s.code, s.title,
               (select w.message_id from message_wamids w where w.tenant_id = s.tenant_id and w.wamid = s.wamid)
        from message_statuses s
        where not s.is_parked and s.received_at > now() - make_interval(secs => $1)
        order by s.received_at desc limit $2
        """,
        seconds,
        limit,
    )


async def list_deliveries_after(db: Db, after_id: int, limit: int) -> list[Row]:
    """Return the newest deliveries of Meta whose id is above this one."""
    return await db.fetch(
        f"select {_DELIVERY} from ingests i where i.id > $1 order by i.id desc limit $2", after_id, limit
    )


async def list_deliveries(db: Db, ids: Sequence[int]) -> list[Row]:
    """Return these deliveries as they are now."""
    return await db.fetch(f"select {_DELIVERY} from ingests i where i.id = any($1::bigint[])", ids)


async def load_bodies(db: Db, ids: Sequence[int]) -> dict[int, bytes]:
    """Return what Meta posted in these deliveries, but for very large ones."""
    found = await db.fetch(
        "select id, body from ingests where id = any($1::bigint[]) and octet_length(body) <= $2",
        ids,
        _LARGEST_BODY,
    )
    return {row["id"]: row["body"] for row in found}


async def list_quarantined_after(db: Db, after_id: int, limit: int) -> list[Row]:
    """Return the newest changes that were set aside and whose id is above this one."""
    return await db.fetch(
        """
        select q.id, q.app_id, q.ingest_id, q.phone_number_id, q.reason, q.received_at
        from quarantined_changes q where q.id > $1 order by q.id desc limit $2
        """,
        after_id,
        limit,
    )


async def list_failing_deliveries(db: Db, limit: int) -> list[Row]:
    """Return deliveries that failed at least once and are not applied."""
    return await db.fetch(
        f"""
        select {_DELIVERY} from ingests i where i.applied_at is null and i.failures > 0
        order by i.app_id, i.received_at limit $1
        """,
        limit,
    )
