"""Queries on the members of contact groups.

Whoever puts a group's id into contacts holds the group first, and contacts after it in order of id; whoever deletes the
group locks it first. So neither waits for the other in a ring, and no contact keeps the id of a group that is gone.
"""

from collections.abc import Sequence

from rasl.db.pool import Db

_LONG_SECONDS = 600  # a group may have a million members


async def hold_groups(db: Db, tenant_id: int, group_ids: Sequence[int]) -> set[int]:
    """Return which of these groups the tenant has, and keep them from being deleted until the transaction ends."""
    rows = await db.fetch(
        """
        select id from contact_groups where tenant_id = $1 and id = any($2::bigint[]) order by id for key share
        """,
        tenant_id,
        sorted(set(group_ids)),
    )
    return {row["id"] for row in rows}


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
    rows = await db.fetch(
        """
        update contacts set group_ids = group_ids || $2::bigint, updated_at = now()
        where tenant_id = $1 and id = any($3::bigint[]) and $2 <> all(group_ids)
        returning id
        """,
        tenant_id,
        group_id,
        contact_ids,
    )
    return len(rows)


async def remove_members(db: Db, tenant_id: int, group_id: int, contact_ids: Sequence[int]) -> int:
    """Take locked contacts out of a group and return how many were in it."""
    rows = await db.fetch(
        """
        update contacts set group_ids = array_remove(group_ids, $2::bigint), updated_at = now()
        where tenant_id = $1 and id = any($3::bigint[]) and $2 = any(group_ids)
        returning id
        """,
        tenant_id,
        group_id,
        contact_ids,
    )
    return len(rows)


async def delete_group(db: Db, tenant_id: int, group_id: int) -> bool:
    """Delete a group and take its id out of every contact; returns whether there was one."""
    found = await db.fetchval(
        "select id from contact_groups where tenant_id = $1 and id = $2 for update", tenant_id, group_id
    )
    if found is None:
        return False
    # A statement of its own, begun when the lock is held: it sees every member added before.
    await db.execute(
        """
        with member as materialized (
            select id from contacts where tenant_id = $1 and group_ids @> array[$2::bigint] order by id
            for no key update
        )
        update contacts c set group_ids = array_remove(c.group_ids, $2), updated_at = now()
        from member where c.tenant_id = $1 and c.id = member.id
        """,
        tenant_id,
        group_id,
        timeout=_LONG_SECONDS,
    )
    await db.execute("delete from contact_groups where tenant_id = $1 and id = $2", tenant_id, group_id)
    return True
