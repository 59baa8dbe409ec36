"""Groups, sources and statuses: what contacts are labelled with. One set of rules, three nouns."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import msgspec

from rasl.db import labels as rows
from rasl.db.labels import LabelTable
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain.listing import EXACT_TOTAL, ListQuery, Page
from rasl.errors import NotFound, ResourceConflict, ValidationFailed

GROUP, SOURCE, STATUS = rows.GROUPS, rows.SOURCES, rows.STATUSES
LABEL_LIST = rows.LABEL_LIST
_PATIENCE = 5  # times a contact may leave a label in the moment it is counted


async def list_labels(database: Database, table: LabelTable, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's labels."""
    async with database.listing() as db:
        return await fetch_page(db, table.list_source, query, tenant_id)


async def create_label(
    database: Database, table: LabelTable, tenant_id: int, name: str, color: str | None = None
) -> Row:
    """Create a label; raises ValidationFailed when its name is taken, in any case of letters."""
    async with database.connection() as db:
        row = await rows.create_label(db, table, tenant_id, name.strip(), color)
    if row is None:
        raise name_taken(table)
    return row


async def get_label(database: Database, table: LabelTable, tenant_id: int, label_id: int) -> Row:
    """Return one label; raises NotFound."""
    async with database.connection() as db:
        row = await rows.find_label(db, table, tenant_id, label_id)
    if row is None:
        raise not_found(table)
    return row


async def change_label(
    database: Database,
    table: LabelTable,
    tenant_id: int,
    label_id: int,
    name: str,
    color: str | msgspec.UnsetType | None = msgspec.UNSET,
) -> Row:
    """Rename a label and change its color if one is given; raises NotFound or ValidationFailed."""
    async with database.connection() as db:
        try:
            row = await rows.change_label(db, table, tenant_id, label_id, name.strip(), color)
        except asyncpg.UniqueViolationError:
            raise name_taken(table) from None
    if row is None:
        raise not_found(table)
    return row


async def find_objections(
    database: Database,
    table: LabelTable,
    tenant_id: int,
    fields: Mapping[str, Any],
    label_id: int | None = None,
) -> dict[str, list[str]]:
    """Return what speaks against a new label with these fields, or a change of one; raises NotFound.

    It is asked of a body that is refused, with those of its fields that are right.
    """
    async with database.connection() as db:
        if label_id is not None and await rows.find_label(db, table, tenant_id, label_id) is None:
            raise not_found(table)
        name = fields.get("name")
        owner = await rows.find_by_name(db, table, tenant_id, name.strip()) if name else None
    return {} if owner in {None, label_id} else name_taken(table).details


async def delete_label(database: Database, table: LabelTable, tenant_id: int, label_id: int) -> None:
    """Delete a source or status; raises NotFound, or ResourceConflict while it is in use or a default."""
    for _ in range(_PATIENCE):
        async with database.connection() as db:
            is_gone = await rows.delete_label(db, table, tenant_id, label_id)
        if is_gone is None:
            raise not_found(table)
        if is_gone:
            return
        await _refuse(database, table, tenant_id, label_id)
    raise ResourceConflict(f"The {table.word} is in use and cannot be deleted", {"contacts_count": 0})


async def _refuse(database: Database, table: LabelTable, tenant_id: int, label_id: int) -> None:
    """Raise ResourceConflict saying why; returns when the reason went away in the meantime."""
    async with database.listing() as db:
        count = await rows.count_contacts(db, table, tenant_id, label_id, EXACT_TOTAL + 1)
        is_default = await rows.is_default(db, table, tenant_id, label_id)
    if is_default:
        raise ResourceConflict(
            f"New contacts get this {table.word} by default; make another one the default before deleting it",
            _counted(count) | {"is_default": True},
        )
    if count:
        number = f"more than {EXACT_TOTAL:,}" if count > EXACT_TOTAL else f"{count:,}"
        raise ResourceConflict(
            f"The {table.word} is used by {number} contact{'' if count == 1 else 's'} and cannot be deleted",
            _counted(count),
        )


def _counted(count: int) -> dict[str, int | bool]:
    capped = {"contacts_count_is_capped": True} if count > EXACT_TOTAL else {}
    return {"contacts_count": min(count, EXACT_TOTAL), **capped}


def not_found(table: LabelTable) -> NotFound:
    """Return the error for a label that is absent, or of another tenant."""
    return NotFound(f"{table.word.capitalize()} not found")


def name_taken(table: LabelTable) -> ValidationFailed:
    """Return the error for a name that another label of the tenant has."""
    return ValidationFailed({"name": [f"A {table.word} with this name already exists"]})
