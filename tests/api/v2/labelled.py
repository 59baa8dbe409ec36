"""Contacts that carry groups, sources and statuses, made directly in the database."""

from collections.abc import Sequence
from typing import Any

from rasl.db.pool import Database, Db
from tests.waiting import until
from tests.world import Person


async def insert_contacts(
    db: Db, person: Person, count: int, source_id: int | None = None, status_id: int | None = None
) -> list[int]:
    """Insert contacts and return their ids, in order."""
    rows = await db.fetch(
        """
        insert into contacts (tenant_id, firstname, type, source_id, status_id)
        select $1, 'Contact ' || n, 'lead', $3, $4 from generate_series(1, $2::integer) n returning id
        """,
        person.tenant_id,
        count,
        source_id or person.source_id,
        status_id or person.status_id,
    )
    return [row["id"] for row in rows]


async def make_contacts(database: Database, person: Person, count: int, **labels: int) -> list[int]:
    """Insert contacts in a transaction of their own."""
    async with database.transaction() as db:
        return await insert_contacts(db, person, count, **labels)


async def groups_of(database: Database, contact_ids: Sequence[int]) -> list[list[int]]:
    """Return the groups of each contact."""
    async with database.connection() as db:
        rows = await db.fetch("select id, group_ids from contacts where id = any($1)", contact_ids)
    found: dict[int, list[int]] = {row["id"]: row["group_ids"] for row in rows}
    return [found[contact_id] for contact_id in contact_ids]


async def moments_of(database: Database, contact_ids: Sequence[int]) -> dict[int, Any]:
    """Return when each contact was last changed."""
    async with database.connection() as db:
        rows = await db.fetch("select id, updated_at from contacts where id = any($1)", contact_ids)
    return {row["id"]: row["updated_at"] for row in rows}


async def until_someone_waits(database: Database, count: int = 1) -> None:
    """Wait until so many statements in this database wait for a lock."""

    async def waits() -> bool:
        async with database.connection() as db:
            waiting: int = await db.fetchval(
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
            )
        return waiting >= count

    await until(waits)
