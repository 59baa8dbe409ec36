"""Contacts: listing, reading, creating, changing and deleting them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from rasl.db import contact_lists
from rasl.db import contacts as rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Tenant
from rasl.errors import ApiError, ValidationFailed
from rasl.services.contacts import changing, groups
from rasl.services.contacts.changing import Match, Objections, not_found
from rasl.services.contacts.creation import Options, Report, Wish, create

MAX_BATCH = 1_000  # rows of one call, to create or to delete
_WITH_GROUPS = frozenset({"groups"})
_PATIENCE = 3  # times a write begins again because of what others wrote in the same moment
_Result = TypeVar("_Result")


class Contacts(msgspec.Struct, frozen=True):
    """Contacts with what they refer to: by relation that was asked for, then by id."""

    rows: Sequence[Row]
    relations: Mapping[str, Mapping[int, Row]]


class BatchRefused(ValidationFailed):
    """A batch that does not continue on errors met one: nothing of it stays."""

    def __init__(self, total: int, report: Report) -> None:
        summary = {"total": total, "created": 0, "skipped": len(report.skipped), "failed": len(report.failed)}
        gone = set(report.created)  # with the batch
        errors = [
            {
                "index": row.index,
                "code": row.code,
                "errors": row.problems,
                "data": row.data,
                **{name: owner for name, owner in row.owners.items() if owner not in gone},
            }
            for row in report.failed
        ]
        ApiError.__init__(self, None, {"summary": summary, "errors": errors})


async def list_contacts(database: Database, tenant_id: int, query: ListQuery) -> tuple[Page, Contacts]:
    """Return one page of the tenant's contacts."""
    async with database.listing() as db:
        query = await groups.without_deleted(db, tenant_id, query)
        query = await contact_lists.with_ids(db, tenant_id, query)
        page = await fetch_page(db, contact_lists.LIST_SOURCE, query, tenant_id)
        return page, await _related(db, tenant_id, page.rows, query.includes)


async def get_contact(
    database: Database, tenant_id: int, contact_id: int, includes: frozenset[str] = frozenset()
) -> Contacts:
    """Return one contact; raises NotFound."""
    async with database.connection() as db:
        return await _load(db, tenant_id, [contact_id], includes)


async def create_contact(database: Database, tenant: Tenant, fields: Mapping[str, Any]) -> Contacts:
    """Create a contact; raises ValidationFailed or FeatureLimitExceeded."""
    report, created = await create_batch(database, tenant, [Wish(None, fields)], Options())
    if report.failed:
        failed = report.failed[0]
        raise ValidationFailed({**failed.problems, **failed.owners})
    return created


async def create_batch(
    database: Database, tenant: Tenant, wishes: Sequence[Wish], options: Options
) -> tuple[Report, Contacts]:
    """Create many contacts in one transaction; raises BatchRefused or FeatureLimitExceeded."""

    async def work(db: Db) -> tuple[Report, Contacts]:
        report = await create(db, tenant, wishes, options)
        if report.limit:
            raise report.limit
        if report.is_aborted:
            raise BatchRefused(len(wishes), report)
        return report, await _load(db, tenant.id, report.created, _WITH_GROUPS)

    return await _write(database, work)


async def change_contact(
    database: Database, tenant: Tenant, contact_id: int, fields: Mapping[str, Any]
) -> Contacts:
    """Change what is given of a contact; raises NotFound or ValidationFailed."""

    async def work(db: Db) -> Contacts:
        await changing.change(db, tenant, contact_id, fields)
        return await _load(db, tenant.id, [contact_id], _WITH_GROUPS)

    return await _write(database, work)


async def put_contact(
    database: Database, tenant: Tenant, fields: Mapping[str, Any], match: Match
) -> tuple[Contacts, bool]:
    """Create a contact, or change the one with this phone or email; returns it, and whether it is new.

    Raises ValidationFailed or FeatureLimitExceeded.
    """

    async def work(db: Db) -> tuple[Contacts, bool]:
        contact_id, is_new = await changing.put(db, tenant, fields, match)
        return await _load(db, tenant.id, [contact_id], _WITH_GROUPS), is_new

    return await _write(database, work)


async def find_objections(
    database: Database, tenant: Tenant, fields: Mapping[str, Any], contact_id: int | None = None
) -> Objections:
    """Return what speaks against creating a contact with these fields, or changing one to them; raises NotFound."""
    async with database.transaction() as db:
        return await changing.objections(db, tenant, fields, contact_id)


async def find_objections_to_putting(
    database: Database, tenant: Tenant, fields: Mapping[str, Any], match: Match
) -> Objections:
    """Return what speaks against putting a contact with these fields."""
    async with database.transaction() as db:
        return await changing.objections_to_putting(db, tenant, fields, match)


async def delete_contact(database: Database, tenant_id: int, contact_id: int) -> None:
    """Delete a contact for good; its messages stay. Raises NotFound."""
    if not await delete_batch(database, tenant_id, [contact_id]):
        raise not_found()


async def delete_batch(database: Database, tenant_id: int, contact_ids: Sequence[int]) -> int:
    """Delete contacts for good and return how many of them there were; their messages stay."""
    possible = groups.possible_ids(contact_ids)

    async def work(db: Db) -> int:
        await rows.lock_conversations(db, tenant_id, possible)
        await rows.lock_count(db, tenant_id)
        deleted = await rows.delete_contacts(db, tenant_id, possible)
        await rows.change_count(db, tenant_id, -deleted)
        return deleted

    return await _write(database, work)


async def _write(database: Database, work: Callable[[Db], Awaitable[_Result]]) -> _Result:
    """Do the work in a transaction; when others wrote what it stood on in the same moment, do it again."""
    for _ in range(_PATIENCE - 1):
        try:
            async with database.transaction() as db:
                return await work(db)
        except rows.CONFLICTS:
            continue
    async with database.transaction() as db:
        return await work(db)


async def _load(db: Db, tenant_id: int, ids: Sequence[int], includes: frozenset[str]) -> Contacts:
    found = await contact_lists.find_contacts(db, tenant_id, ids)
    if len(found) < len(ids):
        raise not_found()
    return await _related(db, tenant_id, [found[contact_id] for contact_id in ids], includes)


async def _related(db: Db, tenant_id: int, found: Sequence[Row], includes: frozenset[str]) -> Contacts:
    relations = await contact_lists.load_relations(db, tenant_id, found, includes) if found else {}
    return Contacts(found, relations)
