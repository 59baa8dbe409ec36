"""Migrations: applied in order under an advisory lock, each in its own transaction, remembered with a checksum."""

from __future__ import annotations

import hashlib
import importlib.resources
from collections.abc import Callable

import asyncpg
import msgspec

_LOCK = 7_265_736_101  # any number; one per purpose and database
_JOURNAL = """
create table if not exists schema_migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())
"""
# Everything the migrations are responsible for, in a form that two databases can be compared by.
_SHAPE = """
select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
       || case when a.attnotnull then ' not null' else '' end
       || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text as item
from pg_class c join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
where c.relkind in ('r', 'p')
union all
select 'index ' || indexdef from pg_indexes where schemaname = 'public'
union all
select 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid)
from pg_constraint where connamespace = 'public'::regnamespace and contype <> 'n'
union all
select 'trigger ' || pg_get_triggerdef(t.oid) from pg_trigger t
join pg_class c on c.oid = t.tgrelid and c.relnamespace = 'public'::regnamespace
where not t.tgisinternal
order by 1
"""


class Migration(msgspec.Struct, frozen=True):
    """One step, with the checksum of its text."""

    name: str
    sql: str
    checksum: str


class MigrationError(Exception):
    """The database was not made by this code; the text says in what way."""


def declared() -> list[Migration]:
    """Return every migration of this version, in order."""
    folder = importlib.resources.files("rasl.db.migrations")
    files = sorted(
        (item for item in folder.iterdir() if item.name.endswith(".sql")), key=lambda item: item.name
    )
    texts = [(file.name.removesuffix(".sql"), file.read_text(encoding="utf-8")) for file in files]
    return [Migration(name, sql, hashlib.sha256(sql.encode()).hexdigest()) for name, sql in texts]


async def migrate(dsn: str, progress: Callable[[str], None] = lambda _: None) -> list[str]:
    """Apply what is missing and return its names; several processes may start at once.

    Raises MigrationError when the database knows a migration that this code does not, or knows it otherwise.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_JOURNAL)
        missing = await _missing(connection)
        for migration in missing:
            progress(f"migrating {migration.name}")
            async with connection.transaction():
                # Waiting behind a long query would block every writer behind us: give up instead, and be started again.
                await connection.execute("set local lock_timeout = '10s'")
                await connection.execute(migration.sql)
                await connection.execute(
                    "insert into schema_migrations (name, checksum) values ($1, $2)",
                    migration.name,
                    migration.checksum,
                )
        return [migration.name for migration in missing]
    finally:
        await connection.close()


async def drift(dsn: str) -> list[str]:
    """Return how the database differs from a freshly migrated one: `- missing` and `+ surplus` items."""
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if not await connection.fetchval("select to_regclass('schema_migrations') is not null"):
            return [f"- migration {migration.name}" for migration in declared()]
        pending = [f"- migration {migration.name}" for migration in await _missing(connection)]
        if pending:
            return pending
        real = await shape(connection)
    finally:
        await connection.close()
    wanted = await _declared_shape(dsn)
    return [f"- {item}" for item in sorted(wanted - real)] + [f"+ {item}" for item in sorted(real - wanted)]


async def shape(connection: asyncpg.Connection[asyncpg.Record]) -> set[str]:
    """Describe every table, column, index, constraint and trigger."""
    return {row["item"] for row in await connection.fetch(_SHAPE)}


async def _declared_shape(dsn: str) -> set[str]:
    """Migrate an empty database beside the real one, describe it and drop it."""
    connection = await asyncpg.connect(dsn, timeout=10)
    name = f"rasl_shape_{await connection.fetchval('select pg_backend_pid()')}"
    try:
        await connection.execute(f"create database {name} template template0")
        scratch = await asyncpg.connect(dsn, database=name, timeout=10)
        try:
            await scratch.execute(_JOURNAL)
            for migration in declared():
                await scratch.execute(migration.sql)
            return await shape(scratch)
        finally:
            await scratch.close()
    finally:
        await connection.execute(f"drop database if exists {name} with (force)")
        await connection.close()


async def _missing(connection: asyncpg.Connection[asyncpg.Record]) -> list[Migration]:
    known = {
        row["name"]: row["checksum"] for row in await connection.fetch("select * from schema_migrations")
    }
    migrations = declared()
    strangers = sorted(known.keys() - {migration.name for migration in migrations})
    if strangers:
        raise MigrationError(f"the database is newer than this program: it knows {', '.join(strangers)}")
    changed = [item.name for item in migrations if known.get(item.name, item.checksum) != item.checksum]
    if changed:
        raise MigrationError(f"migrations were changed after they were applied: {', '.join(changed)}")
    return [migration for migration in migrations if migration.name not in known]
