"""Contacts: listing, reading, creating, changing and deleting, one by one and in batches (api-v2 section 6)."""

from typing import Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from rasl.api import listing
from rasl.api.caller import MayDeleteContacts, MayReadContacts, MayWriteContacts
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import INCLUDE_RELATIONS, operation
from rasl.api.v2 import contact_schemas as schemas
from rasl.api.v2.contact_schemas import (
    BatchCreated,
    BatchDeleted,
    BatchSummary,
    ChangeContact,
    ContactItem,
    CreateBatch,
    CreateContact,
    DeleteBatch,
    DeletionSummary,
    FailedRow,
    SkippedRow,
)
from rasl.api.v2.groups import GROUPS
from rasl.api.v2.sources import SOURCES
from rasl.api.v2.statuses import STATUSES
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.records import fields_of
from rasl.domain.records.contact import CONTACT_LIST, RELATIONS, Contact
from rasl.domain.validation import Body, read_id, read_values
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.services.contacts import contacts
from rasl.services.contacts.contacts import Contacts
from rasl.services.contacts.creation import DUPLICATE_PHONE, Options, Wish
from rasl.web.request import ApiRequest

CONTACTS = Noun(
    "/contacts",
    Tag("Contacts", "The people one writes to."),
    "contact",
    ContactItem,
    schemas.EXAMPLE,
    of=lambda item: item,  # made here already, with what it refers to
)


@CONTACTS.get_list(CONTACT_LIST)
async def list_contacts(caller: MayReadContacts, request: ApiRequest, query: ListQuery) -> Page:
    """List contacts.

    Newest first. A search looks through names, email, phone and company.
    """
    page, found = await contacts.list_contacts(request.resources.database, caller.tenant.id, query)
    return msgspec.structs.replace(page, rows=_items(found))


@CONTACTS.post(
    "", 201, FeatureLimitExceeded, tells="The new contact, with its groups.", example=schemas.WITH_GROUPS
)
async def create_contact(
    data: JSONBody[CreateContact], caller: MayWriteContacts, request: ApiRequest
) -> ContactItem:
    """Create a contact.

    Phone and email must be new in the account.
    """
    found = await contacts.create_contact(request.resources.database, caller.tenant, _given(data))
    return _items(found)[0]


@CONTACTS.get(
    "/{contact_id:str}",
    NotFound,
    ValidationFailed,
    tells="The contact.",
    example=schemas.WITH_ALL,
    operation=operation(INCLUDE_RELATIONS),
)
async def get_contact(contact_id: FromPath[str], caller: MayReadContacts, request: ApiRequest) -> ContactItem:
    """Get a contact.

    By its id.
    """
    pairs = dict(listing.read_pairs(request.scope["query_string"]))
    names = {name.strip() for name in pairs.get("include", "").split(",")}
    database = request.resources.database
    includes = frozenset(names.intersection(RELATIONS))
    return _items(await contacts.get_contact(database, caller.tenant.id, read_id(contact_id), includes))[0]


@CONTACTS.patch(
    "/{contact_id:str}",
    NotFound,
    tells="The contact as it is now, with its groups.",
    example=schemas.WITH_GROUPS,
)
async def change_contact(
    contact_id: FromPath[str], data: JSONBody[ChangeContact], caller: MayWriteContacts, request: ApiRequest
) -> ContactItem:
    """Change a contact.

    What is left out stays, null clears. `groups` replaces all groups; `attributes` changes only the keys it names, and
    null removes a key.
    """
    database = request.resources.database
    return _items(await contacts.change_contact(database, caller.tenant, read_id(contact_id), _given(data)))[
        0
    ]


@CONTACTS.delete("/{contact_id:str}", NotFound)
async def delete_contact(contact_id: FromPath[str], caller: MayDeleteContacts, request: ApiRequest) -> None:
    """Delete a contact.

    For good. Its messages stay, without it; whoever writes again becomes a new contact.
    """
    await contacts.delete_contact(request.resources.database, caller.tenant.id, read_id(contact_id))


@CONTACTS.post(
    "/batch",
    200,
    FeatureLimitExceeded,
    says="Batch of contacts processed",
    tells="What became of each contact.",
    example=schemas.BATCH_CREATED,
)
async def create_batch(
    data: JSONBody[CreateBatch], caller: MayWriteContacts, request: ApiRequest
) -> BatchCreated:
    """Create many contacts.

    In one transaction. Contacts that cannot be created are reported by their index in the batch.
    """
    wishes = [_wish(row) for row in data.contacts]
    given = data.options
    options = Options(given.continue_on_error, given.skip_duplicates) if given else Options()
    report, found = await contacts.create_batch(request.resources.database, caller.tenant, wishes, options)
    return BatchCreated(
        success=True,
        summary=BatchSummary(len(wishes), len(report.created), len(report.skipped), len(report.failed)),
        created=_items(found),
        skipped=[SkippedRow(row.index, DUPLICATE_PHONE, row.data) for row in report.skipped],
        errors=[FailedRow(row.index, row.code, row.problems, row.data) for row in report.failed],
    )


@CONTACTS.delete(
    "/batch",
    says="Contacts deleted successfully",
    tells="How many are gone.",
    example=schemas.BATCH_DELETED,
)
async def delete_batch(
    data: JSONBody[DeleteBatch], caller: MayDeleteContacts, request: ApiRequest
) -> BatchDeleted:
    """Delete many contacts.

    In one transaction. Ids that are no contact of the account count as failed.
    """
    deleted = await contacts.delete_batch(request.resources.database, caller.tenant.id, data.ids)
    summary = DeletionSummary(len(data.ids), deleted, len(data.ids) - deleted)
    return BatchDeleted(success=True, summary=summary)


HANDLERS = (
    list_contacts,
    create_contact,
    get_contact,
    change_contact,
    delete_contact,
    create_batch,
    delete_batch,
)


def _given(body: Body) -> dict[str, Any]:
    values = ((name, getattr(body, name)) for name in body.__struct_fields__)
    return {name: value for name, value in values if value is not msgspec.UNSET}


def _wish(row: Any) -> Wish:
    try:
        return Wish(row, _given(read_values(CreateContact, row)))
    except ValidationFailed as error:
        return Wish(row, None, error.details)


_RENAMED = {told.shown_as: told.column for told in fields_of(Contact) if told.shown_as != told.column}
_UNASKED = dict.fromkeys(RELATIONS, msgspec.UNSET)


def _item(row: Row) -> ContactItem:
    return from_row(ContactItem, row, **{name: row[column] for name, column in _RENAMED.items()}, **_UNASKED)


def _items(found: Contacts) -> list[ContactItem]:
    relations = found.relations
    groups = {id_: GROUPS.show(row) for id_, row in relations.get("groups", {}).items()}
    sources = {id_: SOURCES.show(row) for id_, row in relations.get("source", {}).items()}
    statuses = {id_: STATUSES.show(row) for id_, row in relations.get("status", {}).items()}
    items = []
    for row in found.rows:
        item = _item(row)
        if "groups" in relations:
            item.groups = [groups[id_] for id_ in row["group_ids"] if id_ in groups]
        if "source" in relations:
            item.source = sources.get(row["source_id"])
        if "status" in relations:
            item.status = statuses.get(row["status_id"])
        items.append(item)
    return items
