"""Queries on the members of contact groups.

Whoever puts a group's id into contacts holds the group first (`db/contacts.py`), and contacts after it in order of id;
whoever deletes the group locks it first. So neither waits for the other in a ring, and no contact is given the id of a
group that is gone.

The ids that members of a large group still have are taken from them by a job; until it is done, reading leaves them out
(`leaving`, and the columns in `db/contacts.py`).
"""

from collections.abc import Sequence

from rasl import log
from rasl.db import contact_events, jobs, record_events
from rasl.db.jobs import NewJob
from rasl.db.labels import GROUPS
from rasl.db.pool import Db

KIND = "ungroup"
_LONG_SECONDS = 600  # a group may have had a million members


async def lock_contacts(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> int:
    """Lock these contacts in order of id and return how many of them the tenant has."""
    rows = await db.fetch(
        """
        select id from contacts where tenant_id = $1 and id = any($2::bigint[]) order by id for no key update
        """,
        tenant_id,
        contact_ids,
    )
    return len(rows)


async def add_members(db: Db, tenant_id: int, group_id: int, contact_ids: Sequence[int]) -> int:
    """Put locked contacts into a held group and return how many were not in it."""
    added: int = await db.fetchval(
        contact_events.updating(
            """
            update contacts c set group_ids = group_ids || $2::bigint, updated_at = now()
            where tenant_id = $1 and id = any($3::bigint[]) and $2 <> all(group_ids)
            """,
            "c.id = any($3::bigint[])",
            "$4",
        ),
        tenant_id,
        group_id,
        contact_ids,
        log.REQUEST_ID.get(),
    )
    return added


async def remove_members(db: Db, tenant_id: int, group_id: int, contact_ids: Sequence[int]) -> int:
    """Take locked contacts out of a group and return how many were in it."""
    removed: int = await db.fetchval(
        contact_events.updating(
            """
            update contacts c set group_ids = array_remove(group_ids, $2::bigint), updated_at = now()
            where tenant_id = $1 and id = any($3::bigint[]) and $2 = any(group_ids)
            """,
            "c.id = any($3::bigint[])",
            "$4",
        ),
        tenant_id,
        group_id,
        contact_ids,
        log.REQUEST_ID.get(),
    )
    return removed


async def lock_group(db: Db, tenant_id: int, group_id: int) -> bool:
    """Lock a group for its deletion, after everyone who puts contacts into it; returns whether there is one."""
    found = await db.fetchval(
        "select id from contact_groups where tenant_id = $1 and id = $2 for update", tenant_id, group_id
    )
    return found is not None


async def count_members(db: Db, tenant_id: int, group_id: int, most: int) -> int:
    """Count the members of a group, not beyond `most`."""
    count: int = await db.fetchval(
        """
        select count(*) from (
            select from contacts where tenant_id = $1 and group_ids @> array[$2::bigint] limit $3
        ) as capped
        """,
        tenant_id,
        group_id,
        most,
        timeout=_LONG_SECONDS,
    )
    return count


async def clear_group(db: Db, tenant_id: int, group_id: int) -> None:
    """Take the id of a locked group out of every contact."""
    await db.execute(
        contact_events.updating(
            """
            with member as materialized (
                select id from contacts where tenant_id = $1 and group_ids @> array[$2::bigint] order by id
                for no key update
            )
            update contacts c set group_ids = array_remove(c.group_ids, $2), updated_at = now()
            from member where c.tenant_id = $1 and c.id = member.id
            """,
            "c.group_ids @> array[$2::bigint]",
            "$3",
        ),
        tenant_id,
        group_id,
        log.REQUEST_ID.get(),
    )


async def clear_next(db: Db, tenant_id: int, group_id: int, after: int, size: int) -> int | None:
    """Take the id of a deleted group out of the next contacts by id; returns where they end, None when none is left."""
    last: int | None = await db.fetchval(
        """
        select max(id) from (
            select id from contacts where tenant_id = $1 and id > $2 order by id limit $3
        ) as next
        """,
        tenant_id,
        after,
        size,
    )
    if last is not None:
        # Not `@>`: its index would find all members each time, those taken out before included.
        await db.execute(
            contact_events.updating(
                """
                with member as materialized (
                    select id from contacts
                    where tenant_id = $1 and id > $3 and id <= $4 and $2::bigint = any(group_ids) order by id
                    for no key update
                )
                update contacts c set group_ids = array_remove(c.group_ids, $2), updated_at = now()
                from member where c.tenant_id = $1 and c.id = member.id
                """,
                "c.id > $3 and c.id <= $4 and $2::bigint = any(c.group_ids)",
            ),
            tenant_id,
            group_id,
            after,
            last,
        )
    return last


async def delete_group(db: Db, tenant_id: int, group_id: int) -> None:
    """Delete a locked group; its name is free."""
    await db.execute(
        f"""
        with gone as (
            delete from contact_groups where tenant_id = $1 and id = $2 returning *
        )
        {record_events.made("group", "deleted", GROUPS.columns, "gone", "$3")}
        """,
        tenant_id,
        group_id,
        log.REQUEST_ID.get(),
    )


async def enqueue_clearing(db: Db, tenant_id: int, group_id: int) -> None:
    """Make it the worker's job to take the id of a deleted group out of the contacts."""
    await jobs.add(db, KIND, [NewJob(tenant_id, group_id, tenant_id)])


async def list_leaving(db: Db, tenant_id: int) -> list[int]:
    """Return the deleted groups whose ids contacts still have."""
    rows = await db.fetch(
        "select subject_id from jobs where tenant_id = $1 and kind = $2 order by subject_id", tenant_id, KIND
    )
    return [row["subject_id"] for row in rows]
