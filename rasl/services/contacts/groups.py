"""Deleting contact groups, and moving contacts in and out of them."""

import asyncio
import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import contact_groups as rows
from rasl.db import contacts, jobs
from rasl.db.pool import Database, Db
from rasl.domain.listing import Filter, ListQuery
from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed
from rasl.services.contacts.labels import GROUP, not_found

MAX_MEMBERS = 1_000  # in one call
FEW_MEMBERS = 5_000  # so many leave a deleted group while the caller waits
BATCH = 5_000  # contacts of the tenant looked through in one transaction
LEASE = dt.timedelta(seconds=60)
_NOBODYS = 0  # no group has this id


async def delete_group(database: Database, tenant_id: int, group_id: int) -> None:
    """Delete a group; its contacts stay, and it is taken from them, by a job if they are many. Raises NotFound."""
    async with database.transaction() as db:
        if not await rows.lock_group(db, tenant_id, group_id):
            raise not_found(GROUP)
        # Statements of their own, begun when the lock is held: they see every member added before.
        if await rows.count_members(db, tenant_id, group_id, FEW_MEMBERS + 1) > FEW_MEMBERS:
            await rows.enqueue_clearing(db, tenant_id, group_id)
        else:
            await rows.clear_group(db, tenant_id, group_id)
        await rows.delete_group(db, tenant_id, group_id)


async def clear_group(
    database: Database, tenant_id: int, group_id: int, fence: int, stop: asyncio.Event
) -> None:
    """Take a deleted group from all contacts, some thousand in one transaction, while the job is ours.

    Whoever begins again after a stop or a crash finds less to do.
    """
    after: int | None = 0
    while after is not None and not stop.is_set():
        async with database.transaction() as db:
            if not await jobs.hold(db, rows.KIND, tenant_id, group_id, fence, LEASE):
                return
            after = await rows.clear_next(db, tenant_id, group_id, after, BATCH)
    async with database.transaction() as db:
        # One look at all of them: a contact that came in behind us would keep the id for good.
        if stop.is_set() or await rows.count_members(db, tenant_id, group_id, 1):
            await jobs.release(db, rows.KIND, [(tenant_id, group_id, fence, 0.0)])
        else:
            await jobs.discard(db, rows.KIND, [(tenant_id, group_id, fence)])


async def without_deleted(db: Db, tenant_id: int, query: ListQuery) -> ListQuery:
    """Return a query that finds no group which is deleted, though contacts may still have its id."""
    if not any(item.name == "group_id" for item in query.filters):
        return query
    leaving = await rows.list_leaving(db, tenant_id)
    if not leaving:
        return query
    filters = tuple(_ignoring(item, leaving) if item.name == "group_id" else item for item in query.filters)
    return msgspec.structs.replace(query, filters=filters)


def _ignoring(item: Filter, leaving: Sequence[int]) -> Filter:
    if item.operator == "null":
        return msgspec.structs.replace(item, values=(*item.values, *leaving))
    values = tuple(_NOBODYS if value in leaving else value for value in item.values)
    return msgspec.structs.replace(item, values=values)


async def add_contacts(database: Database, tenant_id: int, group_id: int, contact_ids: Sequence[int]) -> int:
    """Put contacts into a group and return how many were not in it; raises NotFound or ValidationFailed."""
    wanted, possible = set(contact_ids), possible_ids(contact_ids)
    async with database.transaction() as db:
        if not (await contacts.hold(db, tenant_id, [group_id])).groups:
            raise not_found(GROUP)
        if len(possible) < len(wanted) or await rows.lock_contacts(db, tenant_id, possible) < len(wanted):
            raise ValidationFailed({"contact_ids": ["One or more contact IDs do not exist"]})
        return await rows.add_members(db, tenant_id, group_id, possible)


async def remove_contacts(
    database: Database, tenant_id: int, group_id: int, contact_ids: Sequence[int]
) -> int:
    """Take contacts out of a group and return how many were in it, whatever the others are; raises NotFound."""
    possible = possible_ids(contact_ids)
    async with database.transaction() as db:
        if not (await contacts.hold(db, tenant_id, [group_id])).groups:
            raise not_found(GROUP)
        await rows.lock_contacts(db, tenant_id, possible)
        return await rows.remove_members(db, tenant_id, group_id, possible)


def possible_ids(given: Sequence[int]) -> list[int]:
    """Return those ids that a record can have, each once and in order, as locks are taken."""
    return sorted({id_ for id_ in given if 0 < id_ <= MAX_ID})
