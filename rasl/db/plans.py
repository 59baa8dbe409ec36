"""Plans that keep up with their tables.

After a few runs PostgreSQL settles on one plan for a prepared statement and keeps it while the connection lives. Made
while a table is new or empty, when all indexes cost the same and any join costs nothing, such a plan reads the whole
table later, and is made again only when the table is analysed, which on a busy server may be minutes away:
https://www.postgresql.org/docs/current/sql-prepare.html#SQL-PREPARE-NOTES

So once a second a process asks how large the tables are, and a connection whose plans were made for a table a quarter
as large forgets them before it is lent again. As tables grow that happens a dozen times in the life of an installation.
"""

import time
from collections.abc import Mapping
from typing import Any, Protocol

LOOK_SECONDS = 1.0
_FACTOR = 4
_SMALLEST = 10  # pages: what the planner takes a table for that has none
_SIZES = """
select c.oid::bigint as id, pg_relation_size(c.oid) / current_setting('block_size')::integer as pages
from pg_class c where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
"""


class Planned:
    """How large the tables were, in pages, when a connection last made its plans anew; and when that was compared."""

    def __init__(self) -> None:
        self.pages: dict[int, int] = {}
        self.compared_at = 0.0


class _Connection(Protocol):
    """What a connection of the pool can do."""

    planned: Planned

    async def execute(self, query: str) -> str: ...

    async def fetch(self, query: str) -> list[Any]: ...


class Plans:
    """Tells connections of one pool when their plans are out of date."""

    def __init__(self) -> None:
        self._pages: Mapping[int, int] = {}
        self._looked_at = -LOOK_SECONDS

    async def renew(self, connection: _Connection) -> None:
        """Have a connection make its plans anew if a table has outgrown them."""
        moment = time.monotonic()
        if moment - self._looked_at >= LOOK_SECONDS:
            self._looked_at = moment
            rows = await connection.fetch(_SIZES)
            self._pages = {row["id"]: max(row["pages"], _SMALLEST) for row in rows}
        planned = connection.planned
        if planned.compared_at == self._looked_at:
            return
        planned.compared_at = self._looked_at
        if any(
            pages >= _FACTOR * planned.pages.get(table, _SMALLEST) for table, pages in self._pages.items()
        ):
            await connection.execute("discard plans")
            planned.pages.update(self._pages)
