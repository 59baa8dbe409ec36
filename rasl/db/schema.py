"""Migrations: applied in order under an advisory lock, each in its own transaction, remembered with a checksum."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.resources
import re
from collections.abc import Callable, Collection

import asyncpg
import msgspec

_LOCK = 7_265_736_101  # any number; one per purpose and database
_JOURNAL = """
create table if not exists schema_migrations (
    name text primary key, checksum text not null, applied_at timestamptz not null default now())
"""
# Everything the migrations are responsible for in one schema, in a form that two schemas can be compared by: where
# PostgreSQL names the schema, it is taken out.
_SHAPE = """
with place as (select $1::oid as id, quote_ident(nspname) || '.' as prefix from pg_namespace where oid = $1)
select replace(item, prefix, '') as item from place cross join lateral (
    select 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || case when a.attnotnull then ' not null' else '' end
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') || a.attidentity::text as item
    from pg_class c
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind in ('r', 'p') and c.relnamespace = place.id
    union all
    select 'index ' || replace(pg_get_indexdef(x.indexrelid), 'pg_temp.', '') from pg_index x
    join pg_class c on c.oid = x.indexrelid and c.relnamespace = place.id
    where c.relkind in ('i', 'I')
    union all
    select 'constraint ' || c.relname || ' ' || x.conname || ' ' || pg_get_constraintdef(x.oid)
    from pg_constraint x join pg_class c on c.oid = x.conrelid
    where x.connamespace = place.id and x.contype <> 'n'
    union all
    select 'trigger ' || replace(pg_get_triggerdef(t.oid), 'pg_temp.', '')
           || ' ' || md5(replace(p.prosrc, 'pg_temp.', ''))
    from pg_trigger t
    join pg_class c on c.oid = t.tgrelid and c.relnamespace = place.id
    join pg_proc p on p.oid = t.tgfoid
    where not t.tgisinternal
) item order by 1
"""
_FUNCTION = re.compile(r"\bcreate (?:or replace )?function (\w+)\s*\(", re.IGNORECASE)
_UNLOGGED = re.compile(r"\bunlogged\b", re.IGNORECASE)


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


class CompareError(MigrationError):
    """The schema cannot be compared; the text says what that takes."""


async def migrate(
    dsn: str, progress: Callable[[str], None] = lambda _: None, until: Collection[str] | None = None
) -> list[str]:
    """Apply what is missing and return its names; several processes may start at once.

    `until` names those that may be applied, so that a backup finds the schema it was taken from.

    Raises MigrationError when the database knows a migration that this code does not, or knows it otherwise.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        await connection.execute(_JOURNAL)
        missing = await _missing(connection)
        wanted = [item for item in missing if until is None or item.name in until]
        for migration in wanted:
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
        return [migration.name for migration in wanted]
    finally:
        await connection.close()


async def drift(dsn: str) -> list[str]:
    """Return how the database differs from a freshly migrated one: `- missing` and `+ surplus` items.

    Raises CompareError when it cannot be compared. Nothing is left behind, and no right is needed that migrating does
    not need.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        if not await connection.fetchval("select to_regclass('schema_migrations') is not null"):
            return [f"- migration {migration.name}" for migration in declared()]
        pending = [f"- migration {migration.name}" for migration in await _missing(connection)]
        if pending:
            return pending
        real = await shape(connection, await _home(connection))
        wanted = await _declared_shape(connection)
    finally:
        await connection.close()
    return [f"- {item}" for item in sorted(wanted - real)] + [f"+ {item}" for item in sorted(real - wanted)]


async def shape(connection: asyncpg.Connection[asyncpg.Record], schema_id: int) -> set[str]:
    """Describe every table, column, index, constraint and trigger of a schema that stands first in the search path."""
    return {row["item"] for row in await connection.fetch(_SHAPE, schema_id)}


async def _home(connection: asyncpg.Connection[asyncpg.Record]) -> int:
    """Return the schema that holds our tables: the one in which the journal of migrations is found first."""
    home: int = await connection.fetchval(
        "select relnamespace from pg_class where oid = 'schema_migrations'::regclass"
    )
    return home


async def _declared_shape(connection: asyncpg.Connection[asyncpg.Record]) -> set[str]:
    """Migrate an empty schema beside the real one, describe it and roll all of that back.

    Making a schema takes a right on the database that who owns only tables may not have: temporary tables do as well.
    """
    name = f"rasl_shape_{connection.get_server_pid()}"
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError):
        return await _shape_in(connection, name, f"create schema {name}")
    try:
        # There is no temporary schema before the first temporary table.
        return await _shape_in(
            connection, "pg_temp", "create temporary table pg_temp.begun (); drop table pg_temp.begun"
        )
    except asyncpg.InsufficientPrivilegeError:
        raise CompareError(
            "the schema cannot be compared: the database user may make neither schemas nor temporary tables: "
            "grant temporary on database ... to ..."
        ) from None
    except asyncpg.ReadOnlySQLTransactionError:
        raise CompareError(
            "the schema cannot be compared on a read-only server: ask the one that is written to"
        ) from None


async def _shape_in(connection: asyncpg.Connection[asyncpg.Record], name: str, begin: str) -> set[str]:
    transaction = connection.transaction()
    await transaction.start()
    try:
        await connection.execute(
            f"set local client_min_messages = warning; set local lock_timeout = '10s'; {begin}"
        )
        await connection.execute(
            "select set_config('search_path', $1 || ', ' || current_setting('search_path'), true)", name
        )
        for sql in (_JOURNAL, *(migration.sql for migration in declared())):
            await connection.execute(_temporary(sql) if name == "pg_temp" else sql)
        return await shape(connection, await _home(connection))
    finally:
        await transaction.rollback()


def _temporary(sql: str) -> str:
    """Write a migration for temporary tables, which are never logged, and whose functions go by their full names."""
    sql = _UNLOGGED.sub("", sql)
    for function in set(_FUNCTION.findall(sql)):
        sql = re.sub(rf"\b{function}(?=\s*\()", f"pg_temp.{function}", sql)
    return sql


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
