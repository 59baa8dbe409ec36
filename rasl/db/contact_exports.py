"""Queries that walk all contacts that match, in order of id, in short steps."""

from rasl.db.contact_lists import LIST_SOURCE
from rasl.db.listing import statement_of
from rasl.db.pool import Database, Db, Row
from rasl.domain.listing import ListQuery


async def list_attribute_keys(db: Db, query: ListQuery, tenant_id: int, most: int) -> list[str]:
    """Return the names of attributes that matching contacts have, in order, at most so many."""
    matching, parameters = statement_of(LIST_SOURCE, query, tenant_id)
    rows = await db.fetch(
        f"""
        select distinct k from (select c.attributes {matching} and c.attributes <> '{{}}') found,
               lateral jsonb_object_keys(found.attributes) k
        order by k limit {most}
        """,
        *parameters,
    )
    return [row["k"] for row in rows]


async def fetch_next(
    database: Database, query: ListQuery, tenant_id: int, after: int, limit: int
) -> list[Row]:
    """Return the next matching contacts after an id."""
    matching, parameters = statement_of(LIST_SOURCE, query, tenant_id)
    place = len(parameters) + 1
    async with database.transaction() as db:
        # One walk along the primary key in all: a bitmap of every match would be made anew for each step.
        await db.execute("set local enable_bitmapscan = off")
        return await db.fetch(
            f"select {LIST_SOURCE.select} {matching} and c.id > ${place} order by c.id limit {limit}",
            *parameters,
            after,
        )
