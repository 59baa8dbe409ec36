"""Contacts: listing, reading, creating, changing and deleting them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from rasl.db import contact_aliases, contact_lists
from rasl.db import contacts as rows
from rasl.db.contacts import Key
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain import attributes, phone
from rasl.domain.listing import ListQuery, Page
from rasl.domain.phone import Phone
from rasl.domain.tenants import Tenant
from rasl.errors import ApiError, NotFound, ValidationFailed
from rasl.services.contacts import arrivals, groups
from rasl.services.contacts.arrivals import EMAIL_TAKEN, PHONE_TAKEN, Arrival, Book, Problems
from rasl.services.contacts.creation import Options, Report, Wish, columns_of, create, understand_phone

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
        errors = [
            {"index": row.index, "code": row.code, "errors": row.problems, "data": row.data}
            for row in report.failed
        ]
        ApiError.__init__(self, None, {"summary": summary, "errors": errors})


async def list_contacts(database: Database, tenant_id: int, query: ListQuery) -> tuple[Page, Contacts]:
    """Return one page of the tenant's contacts."""
    async with database.listing() as db:
        query = await groups.without_deleted(db, tenant_id, query)
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
        raise ValidationFailed(report.failed[0].problems)
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
        await _change(db, tenant, contact_id, fields)
        return await _load(db, tenant.id, [contact_id], _WITH_GROUPS)

    return await _write(database, work)


async def delete_contact(database: Database, tenant_id: int, contact_id: int) -> None:
    """Delete a contact for good; its messages stay. Raises NotFound."""
    if not await delete_batch(database, tenant_id, [contact_id]):
        raise _not_found()


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
        raise _not_found()
    return await _related(db, tenant_id, [found[contact_id] for contact_id in ids], includes)


async def _related(db: Db, tenant_id: int, found: Sequence[Row], includes: frozenset[str]) -> Contacts:
    relations = await contact_lists.load_relations(db, tenant_id, found, includes) if found else {}
    return Contacts(found, relations)


async def _change(db: Db, tenant: Tenant, contact_id: int, fields: Mapping[str, Any]) -> None:
    problems: Problems = {}
    new_phone = understand_phone(fields["phone"], tenant, problems) if "phone" in fields else None
    changes = columns_of(fields, new_phone)
    problems |= await arrivals.missing(Book(db, tenant.id), Arrival(None, changes))
    if "phone" in fields or fields.get("email"):
        await rows.lock_count(db, tenant.id)
    row = await rows.lock_contact(db, tenant.id, contact_id)
    if row is None:
        raise _not_found()
    if fields.get("attributes") is not None:
        changes["attributes"] = attributes.merged(row["attributes"], fields["attributes"])
        if len(changes["attributes"]) > attributes.MAX_KEYS:
            problems["attributes"] = [attributes.TOO_MANY]
    await _name_taken(db, tenant.id, contact_id, new_phone, fields.get("email"), problems)
    if problems:
        raise ValidationFailed(problems)
    if (
        new_phone
        and _is_another(row["phone"], new_phone, tenant)
        and not await contact_aliases.change_phone(db, tenant.id, contact_id, new_phone.match_key)
    ):
        raise ValidationFailed({"phone": [PHONE_TAKEN]})
    if changes:
        await rows.change_contact(db, tenant.id, contact_id, changes)


async def _name_taken(
    db: Db, tenant_id: int, contact_id: int, new_phone: Phone | None, email: str | None, problems: Problems
) -> None:
    if new_phone is None and email is None:
        return
    key = Key("phone", new_phone.match_key if new_phone else None, email)
    [found] = await rows.find_owners(db, tenant_id, [key])
    if found["contact_id"] not in {None, contact_id}:
        problems["phone"] = [PHONE_TAKEN]
    if found["email_id"] not in {None, contact_id}:
        problems["email"] = [EMAIL_TAKEN]


def _is_another(old: str | None, new: Phone, tenant: Tenant) -> bool:
    """Tell whether a phone is another one than before, and not just written in another way."""
    understood = phone.understand(old, tenant.default_country) if old else None
    return not isinstance(understood, Phone) or understood.match_key != new.match_key


def _not_found() -> NotFound:
    return NotFound("Contact not found")
