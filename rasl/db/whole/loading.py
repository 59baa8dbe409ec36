"""Fills an empty installation with whole tables, all of them or none, in one transaction.

What would slow that down, or change what is written, is taken away first and put back at the end: triggers, foreign
keys and the indexes that are no keys. Putting a foreign key back checks every row. The owner of the tables may do all
of that, as migrating takes no other right.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING

import asyncpg

from rasl.db.whole.tables import Table

if TYPE_CHECKING:
    # Generic in the stubs only.
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_HOME = "(select relnamespace from pg_class where oid = 'schema_migrations'::regclass)"
_KEYS = f"""
select t.relname::text as table, quote_ident(k.conname) as name, pg_get_constraintdef(k.oid) as definition
from pg_constraint k join pg_class t on t.oid = k.conrelid
where k.contype = 'f' and k.conparentid = 0 and t.relnamespace = {_HOME} order by t.relname, k.conname
"""
_INDEXES = f"""
select quote_ident(c.relname) as name, pg_get_indexdef(x.indexrelid) as definition
from pg_index x join pg_class c on c.oid = x.indexrelid join pg_class t on t.oid = x.indrelid
where t.relnamespace = {_HOME} and t.relkind = 'r' and not t.relispartition and not x.indisunique
order by c.relname
"""
_TRIGGERS = f"""
select t.relname::text as table, quote_ident(g.tgname) as name, g.tgenabled::text as state
from pg_trigger g join pg_class t on t.oid = g.tgrelid
where not g.tgisinternal and g.tgparentid = 0 and g.tgenabled <> 'D' and t.relnamespace = {_HOME}
order by t.relname, g.tgname
"""
_ENABLING = {"O": "enable", "R": "enable replica", "A": "enable always"}


async def count_tenants(connection: Connection) -> int:
    """Return how many tenants there are."""
    return int(await connection.fetchval("select count(*) from tenants"))


@contextlib.asynccontextmanager
async def emptied(connection: Connection, tables: Sequence[Table]) -> AsyncIterator[None]:
    """Have every table empty and bare inside the block, and whole again behind it; one transaction."""
    async with connection.transaction():
        await connection.execute("set local lock_timeout = '30s'; set local client_min_messages = warning")
        names = ", ".join(table.name for table in tables)
        await connection.execute(f"lock table {names} in access exclusive mode")
        triggers = await connection.fetch(_TRIGGERS)
        keys, indexes = await connection.fetch(_KEYS), await connection.fetch(_INDEXES)
        for row in triggers:
            await connection.execute(f"alter table {row['table']} disable trigger {row['name']}")
        await connection.execute(f"truncate {names}")
        for row in keys:
            await connection.execute(f"alter table {row['table']} drop constraint {row['name']}")
        for row in indexes:
            await connection.execute(f"drop index {row['name']}")
        yield
        for row in indexes:
            await connection.execute(row["definition"])
        for row in keys:
            await connection.execute(
                f"alter table {row['table']} add constraint {row['name']} {row['definition']}"
            )
        for row in triggers:
            enabling = _ENABLING[row["state"]]
            await connection.execute(f"alter table {row['table']} {enabling} trigger {row['name']}")


async def fill(
    connection: Connection, table: str, columns: Sequence[str], pieces: AsyncIterable[bytes]
) -> int:
    """Write rows as `dumping.copy` read them; returns how many."""
    bare = [name.strip('"') for name in columns]
    outcome = await connection.copy_to_table(table, source=pieces, columns=bare, format="text")
    return int(outcome.rpartition(" ")[2])


async def set_sequences(connection: Connection, numbers: Mapping[str, int]) -> None:
    """Let each sequence go on with this number."""
    for name, number in numbers.items():
        await connection.execute("select setval(quote_ident($1::text)::regclass, $2, false)", name, number)


async def analyse(connection: Connection) -> None:
    """Let the planner know the tables at once, not when autovacuum comes by."""
    await connection.execute("analyze")
