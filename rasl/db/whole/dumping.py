"""Reads whole tables as they were at one moment, while others go on writing.

One transaction that only reads and sees one snapshot: a message is in it with its contact or not at all. Rows come by
COPY in text, which every PostgreSQL reads, whatever its version, and which needs none of its tools.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

import asyncpg

from rasl.db.whole import tables
from rasl.db.whole.tables import Table

if TYPE_CHECKING:
    # Generic in the stubs only.
    Connection = asyncpg.Connection[asyncpg.Record]
else:
    Connection = asyncpg.Connection

_CONNECT_SECONDS = 10
_SESSION = {"application_name": "rasl backup", "statement_timeout": "0", "timezone": "UTC"}
Sink = Callable[[bytes], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def connected(dsn: str) -> AsyncIterator[Connection]:
    """Have a connection for long statements inside the block."""
    connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS, server_settings=_SESSION)
    try:
        yield connection
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)


@contextlib.asynccontextmanager
async def snapshot(dsn: str) -> AsyncIterator[tuple[Connection, list[Table]]]:
    """Have a connection on which every statement sees the same moment, and the tables of that moment.

    The tables are held first, as weakly as any reader holds them: a migration waits, or gives up, instead of changing
    one that has not been read yet.
    """
    async with connected(dsn) as connection:
        found = await tables.list_tables(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            names = ", ".join(table.name for table in found)
            await connection.execute(
                f"set local lock_timeout = '30s'; lock table {names} in access share mode"
            )
            yield connection, await tables.list_tables(connection)


async def copy(connection: Connection, table: Table, condition: str, sink: Sink) -> int:
    """Give the rows (`t`) of a table that meet a condition to a sink, in pieces that end anywhere; returns how many."""
    columns = ", ".join(f"t.{name}" for name in table.columns)
    outcome = await connection.copy_from_query(
        f"select {columns} from {table.name} t where {condition}", output=sink, format="text"
    )
    return int(outcome.rpartition(" ")[2])


async def list_sequences(connection: Connection) -> Mapping[str, int]:
    """Return the next number that each sequence of the schema gives out, by the name of the sequence.

    Sequences stand outside of snapshots: read last, none is behind a row that was read.
    """
    found = await connection.fetch(
        """
        select s.sequencename::text as name, coalesce(s.last_value + s.increment_by, s.start_value) as next
        from pg_sequences s
        where s.schemaname = (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                              where c.oid = 'schema_migrations'::regclass)
        order by s.sequencename
        """
    )
    return {row["name"]: row["next"] for row in found}


async def list_store_keys(connection: Connection, tenant_id: int | None) -> dict[str, int]:
    """Return the files that rows lead to, of everybody or of one tenant, with their sizes."""
    found = await connection.fetch(
        """
        select store_key, max(size) as size from media where $1::bigint is null or tenant_id = $1
        group by store_key order by store_key
        """,
        tenant_id,
    )
    return {row["store_key"]: row["size"] for row in found}
