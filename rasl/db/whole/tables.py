"""The tables of an installation as PostgreSQL's catalogue tells them, so that no list of them can miss one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import asyncpg
import msgspec

from rasl.db.pool import Db

if TYPE_CHECKING:
    # Generic in the stubs only.
    Connection = Db | asyncpg.Connection[asyncpg.Record]
else:
    Connection = Db | asyncpg.Connection

JOURNAL = "schema_migrations"
# Partitions are read and written through their table; generated columns are computed again.
_TABLES = """
select c.relname::text as name, pg_table_size(c.oid) as size,
       (select array_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
       array(select r.relname::text from pg_constraint k join pg_class r on r.oid = k.confrelid
             where k.conrelid = c.oid and k.contype = 'f') as leads_to
from pg_class c
where c.relkind in ('r', 'p') and not c.relispartition and c.relname <> $1
  and c.relnamespace = (select relnamespace from pg_class where oid = 'schema_migrations'::regclass)
order by c.relname
"""


class Table(msgspec.Struct, frozen=True):
    """A table; `leads_to` is what its foreign keys name."""

    name: str
    size: int
    columns: tuple[str, ...]
    leads_to: frozenset[str]


async def has_schema(db: Connection) -> bool:
    """Tell whether migrations were ever applied here."""
    return bool(await db.fetchval("select to_regclass('schema_migrations') is not null"))


async def list_migrations(db: Connection) -> dict[str, str]:
    """Return the names of the migrations that were applied, in order, with their checksums."""
    found = await db.fetch("select name, checksum from schema_migrations order by name")
    return {row["name"]: row["checksum"] for row in found}


async def list_tables(db: Connection) -> list[Table]:
    """Return every table but the journal of migrations, those that others name first."""
    found = [
        Table(row["name"], row["size"], tuple(row["columns"]), frozenset(row["leads_to"]))
        for row in await db.fetch(_TABLES, JOURNAL)
    ]
    return in_order(found)


def in_order(tables: list[Table]) -> list[Table]:
    """Sort tables so that each comes behind those its foreign keys lead to; a ring is cut at its first name.

    `tenants` names one of its numbers, whose tenant it is: that ring is cut by looking at `tenants` first.
    """
    known = {table.name: table for table in tables}
    placed: dict[str, Table] = {}

    def place(table: Table, above: frozenset[str]) -> None:
        if table.name in placed or table.name in above:
            return
        if table.name != "tenants":
            for name in sorted(table.leads_to & known.keys()):
                place(known[name], above | {table.name})
        placed[table.name] = table

    for table in sorted(tables, key=lambda table: (table.name not in {"plans", "tenants"}, table.name)):
        place(table, frozenset())
    return list(placed.values())
