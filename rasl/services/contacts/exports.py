"""Contacts as CSV, step by step; importing such a file again changes nothing."""

import datetime as dt
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import contact_exports as export_rows
from rasl.db import contact_lists
from rasl.db.pool import Database, Row
from rasl.domain.contact_csv import ATTRIBUTE, MAX_ATTRIBUTES, write_scalar
from rasl.domain.csv_files import join_names, protected, write_row
from rasl.domain.listing import ListQuery
from rasl.domain.records import fields_of
from rasl.domain.records.contact import Contact
from rasl.errors import ValidationFailed
from rasl.services.contacts import groups as contact_groups

_FIELDS = [told for told in fields_of(Contact) if told.name != "attributes"]
COLUMNS = tuple(told.heading for told in _FIELDS)
_STEP = 1_000
_BOM = "\ufeff"


class Export(msgspec.Struct, frozen=True):
    """An export whose header is known."""

    tenant_id: int
    query: ListQuery
    attributes: Sequence[str]
    has_bom: bool


async def begin(database: Database, tenant_id: int, query: ListQuery, has_bom: bool = False) -> Export:
    """Find out which columns the export has; raises ValidationFailed when they are too many."""
    async with database.connection() as db:
        query = await contact_groups.without_deleted(db, tenant_id, query)
        query = await contact_lists.with_ids(db, tenant_id, query)
        keys = await export_rows.list_attribute_keys(db, query, tenant_id, MAX_ATTRIBUTES + 1)
    if len(keys) > MAX_ATTRIBUTES:
        raise ValidationFailed(
            {"filter": [f"These contacts have more than {MAX_ATTRIBUTES} different attributes; export fewer"]}
        )
    return Export(tenant_id, query, keys, has_bom)


async def lines(database: Database, export: Export) -> AsyncIterator[bytes]:
    """Yield the file, some thousand contacts at a time, in order of id; nothing is locked or kept in between."""
    header = write_row([*COLUMNS, *(f"{ATTRIBUTE}{key}" for key in export.attributes)])
    # The header comes with the first rows: what cannot be read at all must not look like an empty file.
    text = f"{_BOM}{header}" if export.has_bom else header
    after = 0
    while rows := await export_rows.fetch_next(database, export.query, export.tenant_id, after, _STEP):
        after = rows[-1]["id"]
        async with database.connection() as db:
            names = await contact_lists.load_names(db, export.tenant_id)
        yield (text + "".join(write_row(cells_of(row, names, export.attributes)) for row in rows)).encode()
        text = ""
    if text:
        yield text.encode()


def cells_of(
    row: Row | Mapping[str, Any],
    names: tuple[dict[int, str], dict[int, str], dict[int, str]],
    attributes: Sequence[str],
) -> list[str]:
    """Return the line of a contact, so that reading it gives the contact again; `names` are of what it refers to."""
    sources, statuses, groups = names
    known = {
        "source": sources.get(row["source_id"]),
        "status": statuses.get(row["status_id"]),
        "groups": join_names([groups[group_id] for group_id in row["group_ids"] if group_id in groups]),
    }
    cells = [
        _cell(told.name, known[told.heading] if told.heading in known else row[told.column])
        for told in _FIELDS
    ]
    values = row["attributes"]
    return cells + [_attribute(values.get(key)) for key in attributes]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(timespec="seconds")
    # A phone begins with + and is digits: no formula, and an apostrophe would be in the way of every other program.
    return str(value).strip() if name == "phone" else protected(str(value))


def _attribute(value: Any) -> str:
    if value is None:
        return ""
    text = write_scalar(value)
    return protected(text) if isinstance(value, str) else text
