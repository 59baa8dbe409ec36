"""Everything the database holds of one tenant: which rows of which table, to be copied, or deleted in batches.

Tables come from PostgreSQL's catalogue: what has a `tenant_id` is the tenant's, whatever was added since. What several
tenants share is named here.
"""

from collections.abc import Sequence

import msgspec

from rasl.db import audit
from rasl.db.pool import Db, Row
from rasl.db.whole.tables import Connection, Table

# By table without a `tenant_id`, which rows (`t`) an export needs beside those that have it.
_NEEDED = {
    "tenants": "t.id = {0}",
    "plans": "true",
    "meta_apps": "t.id in (select app_id from whatsapp_numbers where tenant_id = {0})",
    "job_turns": "(t.kind, t.queue_id) in (select kind, queue_id from jobs where tenant_id = {0})",
    "installation": "true",
}
# They tell what is to be deleted, and go last.
_LAST = frozenset({"tenants", "whatsapp_numbers"})
# Of a tenant whose row nobody else may use while this runs.
_LOCK = "hashtextextended('tenant that goes', $1)"


class Ours(msgspec.Struct, frozen=True):
    """By what a tenant's part of shared rows is told from that of others.

    `apps` and `accounts` are used by no other tenant; `shared_apps` are.
    """

    apps: list[int]
    shared_apps: list[int]
    numbers: list[str]
    accounts: list[str]

    @property
    def needles(self) -> list[str]:
        """Texts of which one is in every delivery that tells something of the tenant."""
        return [f'"{name}"' for name in (*self.numbers, *self.accounts)]


def condition(table: Table, tenant_id: int) -> str | None:
    """Return which rows (`t`) of a table an export of a tenant holds; None is that it holds none."""
    if "tenant_id" in table.columns:
        return f"t.tenant_id = {tenant_id:d}"
    needed = _NEEDED.get(table.name)
    return None if needed is None else needed.format(int(tenant_id))


async def shut(db: Db, tenant_id: int) -> None:
    """Let nothing begin for a tenant any more; what its numbers are told finds no owner. It cannot be undone."""
    await db.execute(
        """
        update tenants set status = 'deleting', default_number_id = null, default_source_id = null,
            default_status_id = null, default_assigned_id = null
        where id = $1
        """,
        tenant_id,
    )
    await db.execute(
        "update tokens set revoked_at = now() where tenant_id = $1 and revoked_at is null", tenant_id
    )
    await db.execute(
        "update whatsapp_numbers set disconnected_at = now() where tenant_id = $1 and disconnected_at is null",
        tenant_id,
    )


async def list_shut(db: Db) -> list[int]:
    """Return the tenants that are being deleted."""
    return [
        row["id"] for row in await db.fetch("select id from tenants where status = 'deleting' order by id")
    ]


async def is_mine(connection: Connection, tenant_id: int) -> bool:
    """Tell whether nobody else is deleting a tenant, and let nobody until this connection ends."""
    return bool(await connection.fetchval(f"select pg_try_advisory_lock({_LOCK})", tenant_id))


async def find_ours(db: Connection, tenant_id: int) -> Ours:
    """Return by what the tenant is told in what several share."""
    row = await db.fetchrow(
        """
        with mine as materialized (select * from whatsapp_numbers where tenant_id = $1),
        others as materialized (
            select o.app_id, o.waba_id from whatsapp_numbers o
            where o.tenant_id <> $1
              and (o.app_id in (select app_id from mine) or o.waba_id in (select waba_id from mine))
        )
        select array(select distinct app_id from mine where app_id not in (select app_id from others)) as apps,
               array(select distinct app_id from mine where app_id in (select app_id from others)) as shared_apps,
               array(select phone_number_id from mine) as numbers,
               array(select distinct waba_id from mine where waba_id not in (select waba_id from others)) as accounts
        """,
        tenant_id,
    )
    assert row is not None  # noqa: S101 - it selects from nothing
    return Ours(**dict(row))


async def find_page(db: Connection, behind: int, limit: int) -> int | None:
    """Return the last of the next deliveries of everybody behind one; None when there is none."""
    last: int | None = await db.fetchval(
        "select max(id) from (select id from ingests where id > $1 order by id limit $2) as page",
        behind,
        limit,
    )
    return last


async def list_deliveries(db: Connection, ours: Ours, behind: int, last: int, lock: str = "") -> list[Row]:
    """Return those deliveries of a page that tell something of the tenant, and perhaps of others."""
    return await db.fetch(
        f"""
        select i.id, i.app_id, i.received_at, i.applied_at, i.body from ingests i
        where i.id > $1 and i.id <= $2 and (i.app_id = any($3::bigint[]) or i.app_id = any($4::bigint[]) and exists (
            select from unnest($5::text[]) as n (text) where position(convert_to(n.text, 'UTF8') in i.body) > 0))
        order by i.id {lock}
        """,
        behind,
        last,
        ours.apps,
        ours.shared_apps,
        ours.needles,
    )


async def drop_deliveries(db: Db, delivery_ids: Sequence[int]) -> None:
    """Delete deliveries with what was set aside of them."""
    await db.execute("delete from quarantined_changes where ingest_id = any($1::bigint[])", delivery_ids)
    await db.execute("delete from ingests where id = any($1::bigint[])", delivery_ids)


async def drop_quarantined(db: Db, ours: Ours, limit: int) -> int:
    """Delete up to so many changes in quarantine that are the tenant's; returns how many."""
    outcome = await db.execute(
        """
        delete from quarantined_changes where id = any(array(
            select q.id from quarantined_changes q
            where q.app_id = any($1::bigint[]) or q.phone_number_id = any($2::text[])
               or (q.phone_number_id is null and q.app_id = any($3::bigint[]) and exists (
                   select from unnest($4::text[]) as n (text) where position(n.text in q.change::text) > 0))
            limit $5))
        """,
        ours.apps,
        ours.numbers,
        ours.shared_apps,
        ours.needles,
        limit,
    )
    return _count(outcome)


async def drop_traces(db: Db, tenant_id: int) -> None:
    """Delete what is of nobody but names the tenant's queues, numbers and tokens."""
    await db.execute(f"delete from job_turns t where {_NEEDED['job_turns'].format('$1')}", tenant_id)
    await db.execute(
        """
        delete from buckets where name = any(array(
            select 'token:' || id from tokens where tenant_id = $1
            union all select 'number:' || id from whatsapp_numbers where tenant_id = $1
            union all select 'tenant:' || $1::bigint))
        """,
        tenant_id,
    )


def in_order_of_going(tables: Sequence[Table]) -> list[str]:
    """Return the tables that hold rows of tenants, those first that no other leads to; without the last ones."""
    return [
        table.name for table in reversed(tables) if "tenant_id" in table.columns and table.name not in _LAST
    ]


async def drop(db: Db, table: str, tenant_id: int, limit: int) -> int:
    """Delete up to so many rows of a tenant, found by a key that begins with tenants; returns how many."""
    await audit.allow_dropping(db)
    await db.execute("set local statement_timeout = 0; set local enable_bitmapscan = off")
    outcome = await db.execute(
        f"""
        delete from {table} where tenant_id = $1 and ctid = any(array(
            select ctid from {table} where tenant_id = $1 limit $2))
        """,
        tenant_id,
        limit,
    )
    return _count(outcome)


async def hold(db: Db, tenant_id: int, app_ids: Sequence[int]) -> bool:
    """Hold the row of a tenant, and its apps, so that nothing new can lead to them; returns whether it is there."""
    await db.execute("select from meta_apps where id = any($1::bigint[]) order by id for update", app_ids)
    return await db.fetchval("select id from tenants where id = $1 for update", tenant_id) is not None


async def drop_last(db: Db, tenant_id: int, app_ids: Sequence[int]) -> None:
    """Delete the rest of a tenant that is held: its numbers, apps that nobody else has, and itself."""
    await db.execute("delete from whatsapp_numbers where tenant_id = $1", tenant_id)
    await db.execute("delete from tenants where id = $1", tenant_id)
    free = await db.fetch(
        """
        select a.id from meta_apps a where a.id = any($1::bigint[])
          and not exists (select from whatsapp_numbers n where n.app_id = a.id)
        """,
        app_ids,
    )
    for table, column in (("quarantined_changes", "app_id"), ("ingests", "app_id"), ("meta_apps", "id")):
        await db.execute(
            f"delete from {table} where {column} = any($1::bigint[])", [row["id"] for row in free]
        )


def _count(outcome: str) -> int:
    return int(outcome.rpartition(" ")[2])
