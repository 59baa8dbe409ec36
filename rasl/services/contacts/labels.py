"""Groups, sources and statuses: what contacts are labelled with. One set of rules, three nouns."""

import msgspec

from rasl.db import labels as rows
from rasl.db.labels import LabelTable
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain.listing import EXACT_TOTAL, Kind, ListQuery, ListSpec, Page
from rasl.errors import NotFound, StillInUse, ValidationFailed

LABEL_LIST = ListSpec(
    filters={"name": Kind.TEXT, "created_at": Kind.MOMENT, "updated_at": Kind.MOMENT},
    sorts=("name", "created_at", "updated_at"),
    default_sort="-created_at",
)
_PATIENCE = 5  # times a contact may leave a label in the moment it is counted


class LabelNoun(msgspec.Struct, frozen=True):
    """One of the three nouns: its word in messages, and its table."""

    word: str
    table: LabelTable


GROUP = LabelNoun("group", rows.GROUPS)
SOURCE = LabelNoun("source", rows.SOURCES)
STATUS = LabelNoun("status", rows.STATUSES)


async def list_labels(database: Database, noun: LabelNoun, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's labels."""
    async with database.listing() as db:
        return await fetch_page(db, noun.table.list_source, query, tenant_id)


async def create_label(
    database: Database, noun: LabelNoun, tenant_id: int, name: str, color: str | None = None
) -> Row:
    """Create a label; raises ValidationFailed when its name is taken, in any case of letters."""
    async with database.connection() as db:
        row = await rows.create_label(db, noun.table, tenant_id, name.strip(), color)
    if row is None:
        raise name_taken(noun)
    return row


async def get_label(database: Database, noun: LabelNoun, tenant_id: int, label_id: int) -> Row:
    """Return one label; raises NotFound."""
    async with database.connection() as db:
        row = await rows.find_label(db, noun.table, tenant_id, label_id)
    if row is None:
        raise not_found(noun)
    return row


async def change_label(
    database: Database,
    noun: LabelNoun,
    tenant_id: int,
    label_id: int,
    name: str,
    color: str | msgspec.UnsetType | None = msgspec.UNSET,
) -> Row:
    """Rename a label and change its color if one is given; raises NotFound or ValidationFailed."""
    async with database.connection() as db:
        try:
            row = await rows.change_label(db, noun.table, tenant_id, label_id, name.strip(), color)
        except rows.NameTakenError:
            raise name_taken(noun) from None
    if row is None:
        raise not_found(noun)
    return row


async def delete_label(database: Database, noun: LabelNoun, tenant_id: int, label_id: int) -> None:
    """Delete a source or status; raises NotFound, or StillInUse while contacts or the tenant's defaults use it."""
    for _ in range(_PATIENCE):
        async with database.connection() as db:
            is_gone = await rows.delete_label(db, noun.table, tenant_id, label_id)
        if is_gone is None:
            raise not_found(noun)
        if is_gone:
            return
        await _refuse(database, noun, tenant_id, label_id)
    raise StillInUse(f"The {noun.word} is in use and cannot be deleted", {"contacts_count": 0})


async def _refuse(database: Database, noun: LabelNoun, tenant_id: int, label_id: int) -> None:
    """Raise StillInUse saying why; returns when the reason went away in the meantime."""
    async with database.listing() as db:
        count = await rows.count_contacts(db, noun.table, tenant_id, label_id, EXACT_TOTAL + 1)
        is_default = await rows.is_default(db, noun.table, tenant_id, label_id)
    if is_default:
        raise StillInUse(
            f"New contacts get this {noun.word} by default; make another one the default before deleting it",
            _counted(count) | {"is_default": True},
        )
    if count:
        number = f"more than {EXACT_TOTAL:,}" if count > EXACT_TOTAL else f"{count:,}"
        raise StillInUse(
            f"The {noun.word} is used by {number} contact{'' if count == 1 else 's'} and cannot be deleted",
            _counted(count),
        )


def _counted(count: int) -> dict[str, int | bool]:
    capped = {"contacts_count_is_capped": True} if count > EXACT_TOTAL else {}
    return {"contacts_count": min(count, EXACT_TOTAL), **capped}


def not_found(noun: LabelNoun) -> NotFound:
    """Return the error for a label that is absent, or of another tenant."""
    return NotFound(f"{noun.word.capitalize()} not found")


def name_taken(noun: LabelNoun) -> ValidationFailed:
    """Return the error for a name that another label of the tenant has."""
    return ValidationFailed({"name": [f"A {noun.word} with this name already exists"]})
