"""Deleting contact groups, and moving contacts in and out of them."""

from collections.abc import Sequence

from rasl.db import contact_groups as rows
from rasl.db.pool import Database
from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed
from rasl.services.labels import GROUP, not_found

MAX_MEMBERS = 1_000  # in one call


async def delete_group(database: Database, tenant_id: int, group_id: int) -> None:
    """Delete a group; its contacts stay, without it. Raises NotFound."""
    async with database.transaction() as db:
        if not await rows.delete_group(db, tenant_id, group_id):
            raise not_found(GROUP)


async def add_contacts(database: Database, tenant_id: int, group_id: int, contact_ids: Sequence[int]) -> int:
    """Put contacts into a group and return how many were not in it; raises NotFound or ValidationFailed."""
    wanted = sorted(set(contact_ids))
    async with database.transaction() as db:
        if not await rows.hold_groups(db, tenant_id, [group_id]):
            raise not_found(GROUP)
        possible = _possible(wanted)
        if len(possible) < len(wanted) or await rows.lock_contacts(db, tenant_id, possible) < len(wanted):
            raise ValidationFailed({"contact_ids": ["One or more contact IDs do not exist"]})
        return await rows.add_members(db, tenant_id, group_id, possible)


async def remove_contacts(
    database: Database, tenant_id: int, group_id: int, contact_ids: Sequence[int]
) -> int:
    """Take contacts out of a group and return how many were in it, whatever the others are; raises NotFound."""
    possible = _possible(sorted(set(contact_ids)))
    async with database.transaction() as db:
        if not await rows.hold_groups(db, tenant_id, [group_id]):
            raise not_found(GROUP)
        await rows.lock_contacts(db, tenant_id, possible)
        return await rows.remove_members(db, tenant_id, group_id, possible)


def _possible(contact_ids: Sequence[int]) -> list[int]:
    """Return the ids that a record can have."""
    return [contact_id for contact_id in contact_ids if 0 < contact_id <= MAX_ID]
