"""Queries that drop what is past its time: each kind counted and dropped under one and the same condition.

A batch is one short transaction that steps over rows somebody else holds and waits for nobody. Rows are dropped by
where they lie, so that no index is looked through twice.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import msgspec

from rasl.db import rows, tallies
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.db.tallies import Tally

_LONG_SECONDS = 600


class Amount(msgspec.Struct, frozen=True):
    """How much would go, or went; files are those of the store."""

    rows: int = 0
    bytes: int = 0
    files: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        """Return both together."""
        return Amount(self.rows + other.rows, self.bytes + other.bytes, self.files + other.files)


class Kind(msgspec.Struct, frozen=True):
    """Rows of one table that go by age; $1 is the age, `t` the table, and an index has `age` in order.

    Sizes are those of rows written out: how many bytes a row takes, PostgreSQL tells differently by the plan.
    """

    name: str
    table: str
    age: str
    condition: str = "true"
    size: str = "octet_length(t::text)"
    owner: str = "t.tenant_id"


_NOBODYS = f"{tallies.NOBODY}::bigint"
# A message that is not settled keeps what is known of it.
_IS_TRAVELLING = "m.status in ('queued', 'sending', 'unknown')"
DELIVERIES = Kind(
    "deliveries",
    "ingests",
    "applied_at",
    # One of which something is in quarantine stays as long as that, so that it can be tried again.
    """applied_at is not null
       and not exists (select from quarantined_changes q where q.ingest_id = t.id offset 0)""",
    "octet_length(body)",
    owner=_NOBODYS,
)
QUARANTINE = Kind("quarantine", "quarantined_changes", "received_at", owner=_NOBODYS)
STATUSES = Kind(
    "statuses",
    "message_statuses",
    "received_at",
    f"""not is_parked and not exists (
        select from message_wamids w join messages m on m.tenant_id = w.tenant_id and m.id = w.message_id
        where w.tenant_id = t.tenant_id and w.wamid = t.wamid and {_IS_TRAVELLING} offset 0)""",
)
PARKED_STATUSES = Kind("parked_statuses", "message_statuses", "received_at", "is_parked")
EVENTS = Kind("events", "events", "created_at")
DELIVERED = Kind("webhooks_delivered", "webhook_deliveries", "created_at", "state = 'delivered'")
WEBHOOK_DELIVERIES = Kind("webhook_deliveries", "webhook_deliveries", "created_at")
WEBHOOKS = Kind(
    "webhooks_deleted",
    "webhook_endpoints",
    "deleted_at",
    """not exists (
        select from webhook_deliveries d where d.tenant_id = t.tenant_id and d.endpoint_id = t.id offset 0)""",
)
# Whatever the age: a key is good for 24 hours, and while its request runs.
KEYS = Kind(
    "idempotency_keys",
    "idempotency_keys",
    "created_at",
    "created_at < now() - interval '24 hours' and locked_until < now()",
)
OTPS = Kind("otps", "otps", "created_at", "expires_at < now()")
CHALLENGES = Kind("challenges", "challenges", "expires_at")
OTP_BUDGETS = Kind("otp_budgets", "otp_budgets", "starts_at")
WINDOWS = Kind("windows", "window_limits", "ends_at")
BUCKETS = Kind("buckets", "buckets", "tat", owner=_NOBODYS)
TALLIES = Kind("tallies", "purge_tallies", "day", owner=_NOBODYS)
ADDRESSES = Kind("addresses", "media_urls", "fetched_at")


def own_age(name: str) -> str:
    """Return for how long a tenant `o` keeps a kind of data that it keeps for a shorter time than the server."""
    return f"make_interval(days => (o.retention_days ->> '{name}')::integer)"


def _old_of_tenants(kind: Kind) -> str:
    """Return the rows past the time that their tenants chose, tenant by tenant."""
    return f"""
        from tenants o cross join lateral (
            select t.ctid as place, {kind.size} as size, t.tenant_id from {kind.table} t
            where t.tenant_id = o.id and t.{kind.age} < now() - {own_age(kind.name)} and {kind.condition}
            order by t.{kind.age}
    """


async def count_of_tenants(db: Db, kind: Kind) -> Amount:
    """Return how many rows are past the time that their tenants chose, and their bytes."""
    return await amount(
        db,
        f"""
        select count(*) as rows, coalesce(sum(r.size), 0)::bigint as bytes {_old_of_tenants(kind)}) r
        where o.retention_days ? '{kind.name}'
        """,
    )


async def drop_of_tenants(db: Db, kind: Kind, limit: int) -> Amount:
    """Drop up to `limit` rows that are past the time that their tenants chose."""
    old = f"""
        select r.* {_old_of_tenants(kind)} limit $1 for update of t skip locked) r
        where o.retention_days ? '{kind.name}' limit $1
    """
    return await _drop_old(db, kind.name, kind.table, old, limit)


async def count(db: Db, kind: Kind, age: dt.timedelta) -> Amount:
    """Return how many rows would go, and their bytes."""
    return await amount(
        db,
        f"""
        select count(*) as rows, coalesce(sum({kind.size}), 0)::bigint as bytes from {kind.table} t
        where {kind.age} < now() - $1::interval and {kind.condition}
        """,
        age,
    )


async def drop(db: Db, kind: Kind, age: dt.timedelta, limit: int) -> Amount:
    """Drop up to `limit` rows, the oldest first."""
    return await _drop_old(
        db,
        kind.name,
        kind.table,
        f"""
        select ctid as place, {kind.size} as size, {kind.owner} as tenant_id from {kind.table} t
        where {kind.age} < now() - $1::interval and {kind.condition}
        order by {kind.age} limit $2 for update of t skip locked
        """,
        age,
        limit,
    )


# Attempts have no index by age: that would cost every send. Their key has the message first, whose ids rise with time.
_ATTEMPTS = f"""
from tenants o cross join lateral (
    select a.ctid as place, octet_length(a::text) as size, a.tenant_id from message_attempts a
    where a.tenant_id = o.id and a.finished_at < now() - $1::interval
      and a.message_id <= (
          select e.id from messages e where e.tenant_id = o.id and e.created_at < now() - $1::interval
          order by e.created_at desc, e.id desc limit 1)
      and not exists (
          select from messages m where m.tenant_id = a.tenant_id and m.id = a.message_id and {_IS_TRAVELLING} offset 0)
"""


async def count_attempts(db: Db, age: dt.timedelta) -> Amount:
    """Return how many attempts of settled messages would go, and their bytes."""
    return await amount(
        db, f"select count(*) as rows, coalesce(sum(a.size), 0)::bigint as bytes {_ATTEMPTS}) a", age
    )


async def drop_attempts(db: Db, age: dt.timedelta, limit: int) -> Amount:
    """Drop up to `limit` attempts of settled messages."""
    old = f"select a.* {_ATTEMPTS} order by a.message_id limit $2 for update of a skip locked) a limit $2"
    return await _drop_old(db, "attempts", "message_attempts", old, age, limit)


# What goes with imports, table by table: the rows of the file that failed, or those that never were applied.
_OLD_IMPORTS = {
    "import_errors": "i.finished_at < now() - $1::interval",
    "import_chunks": "i.status = 'uploading' and i.created_at < now() - $1::interval",
}
_IMPORT_AGES = {"import_errors": "finished_at", "import_chunks": "created_at"}
_IMPORT_KINDS = {"import_errors": "imports", "import_chunks": "broken_uploads"}
_IMPORTS_AT_ONCE = 10


async def count_imports(db: Db, part: str, age: dt.timedelta) -> Amount:
    """Return how many imports with how many rows of `import_errors` or `import_chunks` would go."""
    return await amount(
        db,
        f"""
        with old as materialized (
            select i.tenant_id, i.id, octet_length(i::text) as size from contact_imports i where {_OLD_IMPORTS[part]}
        ), parts as (
            select count(*) as rows, coalesce(sum(p.size), 0) as bytes
            from old cross join lateral (
                select octet_length(e::text) as size from {part} e
                where e.tenant_id = old.tenant_id and e.import_id = old.id offset 0) p
        )
        select parts.rows + (select count(*) from old) as rows,
               (parts.bytes + (select coalesce(sum(size), 0) from old))::bigint as bytes
        from parts
        """,
        age,
    )


async def lock_old_imports(db: Db, part: str, age: dt.timedelta) -> list[Row]:
    """Lock the next imports that go."""
    return await db.fetch(
        f"""
        select i.tenant_id, i.id from contact_imports i where {_OLD_IMPORTS[part]}
        order by i.{_IMPORT_AGES[part]} limit {_IMPORTS_AT_ONCE} for update skip locked
        """,
        age,
    )


async def drop_import_parts(db: Db, part: str, imports: Sequence[tuple[int, int]], limit: int) -> Amount:
    """Drop up to `limit` rows that hang on locked imports."""
    return await _drop_old(
        db,
        _IMPORT_KINDS[part],
        part,
        f"""
        select p.* from {rows.table(Key, alias="k")} cross join lateral (
            select e.ctid as place, octet_length(e::text) as size, e.tenant_id from {part} e
            where e.tenant_id = k.tenant_id and e.import_id = k.id limit $2) p
        limit $2
        """,
        [Key(*item) for item in imports],
        limit,
    )


async def drop_imports(db: Db, part: str, imports: Sequence[tuple[int, int]]) -> Amount:
    """Drop locked imports on which nothing hangs any more."""
    return await _drop_old(
        db,
        _IMPORT_KINDS[part],
        "contact_imports",
        f"""
        select i.ctid as place, octet_length(i::text) as size, i.tenant_id
        from {rows.table(Key, alias="k")} join contact_imports i on i.tenant_id = k.tenant_id and i.id = k.id
        """,
        [Key(*item) for item in imports],
    )


async def _drop_old(db: Db, kind: str, table: str, old: str, *values: Any) -> Amount:
    """Drop the rows of a table that a query finds, and add them to the tallies of a kind.

    The query tells where they lie (`place`), how large they are (`size`) and whose they are (`tenant_id`).
    """
    found = await db.fetch(
        f"""
        with old as materialized (
            {old}
        ), gone as (
            delete from {table} where ctid = any(array(select place from old)) returning 1
        )
        select tenant_id, count(*) as rows, sum(size)::bigint as bytes from old group by tenant_id
        """,
        *values,
        timeout=_LONG_SECONDS,
    )
    return await tell(db, kind, [Tally(row["tenant_id"], row["rows"], row["bytes"]) for row in found])


def tallied(dropped: Sequence[Row], *, is_file: bool = False) -> list[Tally]:
    """Count dropped rows, each with its `tenant_id` and `size`, by tenant; `is_file` is that each led to a file."""
    found: dict[int, Tally] = {}
    for row in dropped:
        had = found.get(row["tenant_id"], Tally(row["tenant_id"], 0, 0))
        found[had.tenant_id] = Tally(
            had.tenant_id, had.rows + 1, had.bytes + row["size"], had.files + is_file
        )
    return list(found.values())


async def tell(db: Db, kind: str, dropped: Sequence[Tally]) -> Amount:
    """Add to the tallies of a kind; returns how much it is together."""
    await tallies.add(db, kind, dropped)
    return Amount(*(sum(getattr(tally, name) for tally in dropped) for name in Amount.__struct_fields__))


async def take_time(db: Db) -> None:
    """Let the statements of this transaction take as long as counting many rows takes."""
    await db.execute(f"set local statement_timeout = '{_LONG_SECONDS}s'")


async def amount(db: Db, text: str, *values: Any) -> Amount:
    """Run a statement that answers rows and bytes."""
    row = await db.fetchrow(text, *values, timeout=_LONG_SECONDS)
    assert row is not None  # noqa: S101 - an aggregate always has one row
    return Amount(row["rows"], row["bytes"])
