"""Questions of `rasl doctor`: cheap enough for a busy database, and read-only."""

import datetime as dt

from rasl.db.numbers import CONNECTED
from rasl.db.pool import Db, Row


async def ask_time(db: Db) -> dt.datetime:
    """Return the database's clock."""
    value: dt.datetime = await db.fetchval("select clock_timestamp()")
    return value


async def list_numbers(db: Db) -> list[Row]:
    """Return every connected number with its sealed secrets and its callback."""
    return await db.fetch(
        f"""
        select t.subdomain, n.phone_number_id, n.waba_id, n.access_token_sealed, a.app_secret_sealed, a.callback_key
        from whatsapp_numbers n join tenants t on t.id = n.tenant_id join meta_apps a on a.id = n.app_id
        where n.{CONNECTED} order by n.tenant_id, n.id
        """
    )


async def count_quarantined(db: Db, days: int) -> list[Row]:
    """Return per number and reason how many changes were put aside lately."""
    return await db.fetch(
        """
        select phone_number_id, reason, count(*) as changes from quarantined_changes
        where received_at > now() - make_interval(days => $1) group by 1, 2 order by 3 desc limit 20
        """,
        days,
    )


async def count_parked(db: Db, older_than: dt.timedelta) -> int:
    """Return how many statuses have waited longer than this for a message that knows them."""
    count: int = await db.fetchval(
        "select count(*) from message_statuses where is_parked and received_at < now() - $1::interval",
        older_than,
    )
    return count


async def count_unknown(db: Db, older_than: dt.timedelta, younger_than: dt.timedelta) -> list[Row]:
    """Return per tenant how many messages of this age nobody knows the fate of."""
    return await db.fetch(
        """
        select t.subdomain, u.messages from tenants t cross join lateral (
            select count(*) as messages from messages m
            where m.tenant_id = t.id and m.created_at < now() - $1::interval and m.created_at > now() - $2::interval
              and m.status = 'unknown' and m.direction = 'outbound'
        ) u where u.messages > 0 order by t.id
        """,
        older_than,
        younger_than,
    )


async def ask_ingest_backlog(db: Db) -> Row | None:
    """Return how many deliveries of Meta are due, and for how many seconds the oldest one is."""
    return await db.fetchrow(
        """
        select count(*) as waiting, coalesce(extract(epoch from now() - min(due_at)), 0)::float8 as lag
        from ingests where applied_at is null and due_at <= now()
        """
    )
