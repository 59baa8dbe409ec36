"""Contacts: listing, reading, creating, changing and deleting, one by one and in batches (api-v2 section 6)."""

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteContacts, MayReadContacts, MayWriteContacts
from rasl.api.nouns import by_columns
from rasl.api.operations import Create, GetContact, ListContacts
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
from rasl.api.v2.groups import GroupItem
from rasl.api.v2.sources import SourceItem
from rasl.api.v2.statuses import StatusItem
from rasl.domain.records import fields_of
from rasl.domain.records.contact import CONTACT_LIST, RELATIONS, Contact
from rasl.domain.validation import Body, read_id, read_values
from rasl.errors import ValidationFailed
from rasl.services.contacts import contacts
from rasl.services.contacts.contacts import Contacts
from rasl.services.contacts.creation import DUPLICATE_PHONE, Options, Wish
from rasl.web.envelope import success
from rasl.web.request import ApiRequest


@get(
    "/contacts",
    summary="List contacts",
    description="Newest first. A search looks through names, email, phone and company.",
    operation_class=ListContacts,
    responses=schemas.LIST_RESPONSES,
    tags=["Contacts"],
)
async def list_contacts(caller: MayReadContacts, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's contacts."""
    query = listing.read_query(request.scope["query_string"], CONTACT_LIST)
    page, found = await contacts.list_contacts(request.resources.database, caller.tenant.id, query)
    fields = None if query.fields is None else query.fields | query.includes
    items = [listing.select_fields(item, fields) for item in _items(found)]
    return success(request, schemas.LISTED, items, listing.read_pagination(query, page))


@post(
    "/contacts",
    summary="Create a contact",
    description="Phone and email must be new in the account.",
    operation_class=Create,
    responses=schemas.CREATE_RESPONSES,
    tags=["Contacts"],
)
async def create_contact(
    data: JSONBody[CreateContact], caller: MayWriteContacts, request: ApiRequest
) -> ASGIApp:
    """Create a contact."""
    found = await contacts.create_contact(request.resources.database, caller.tenant, _given(data))
    request.context.is_stored = True
    return success(request, schemas.CREATED, _items(found)[0], status=201)


@get(
    "/contacts/{contact_id:str}",
    summary="Get a contact",
    description="By its id.",
    operation_class=GetContact,
    responses=schemas.GET_RESPONSES,
    tags=["Contacts"],
)
async def get_contact(contact_id: FromPath[str], caller: MayReadContacts, request: ApiRequest) -> ASGIApp:
    """Return one contact of the tenant."""
    pairs = dict(listing.read_pairs(request.scope["query_string"]))
    names = {name.strip() for name in pairs.get("include", "").split(",")}
    database = request.resources.database
    includes = names.intersection(RELATIONS)
    found = await contacts.get_contact(database, caller.tenant.id, read_id(contact_id), frozenset(includes))
    return success(request, schemas.FOUND, _items(found)[0])


@patch(
    "/contacts/{contact_id:str}",
    summary="Change a contact",
    description="What is left out stays, null clears. `groups` replaces all groups; `attributes` changes only the keys "
    "it names, and null removes a key.",
    responses=schemas.CHANGE_RESPONSES,
    tags=["Contacts"],
)
async def change_contact(
    contact_id: FromPath[str], data: JSONBody[ChangeContact], caller: MayWriteContacts, request: ApiRequest
) -> ASGIApp:
    """Change what is given of a contact."""
    database = request.resources.database
    found = await contacts.change_contact(database, caller.tenant, read_id(contact_id), _given(data))
    return success(request, schemas.CHANGED, _items(found)[0])


@delete(
    "/contacts/{contact_id:str}",
    status_code=200,
    summary="Delete a contact",
    description="For good. Its messages stay, without it; whoever writes again becomes a new contact.",
    responses=schemas.DELETE_RESPONSES,
    tags=["Contacts"],
)
async def delete_contact(
    contact_id: FromPath[str], caller: MayDeleteContacts, request: ApiRequest
) -> ASGIApp:
    """Delete a contact."""
    await contacts.delete_contact(request.resources.database, caller.tenant.id, read_id(contact_id))
    return success(request, schemas.DELETED, None)


@post(
    "/contacts/batch",
    status_code=200,
    summary="Create many contacts",
    description="In one transaction. Contacts that cannot be created are reported by their index in the batch.",
    operation_class=Create,
    responses=schemas.BATCH_CREATE_RESPONSES,
    tags=["Contacts"],
)
async def create_batch(data: JSONBody[CreateBatch], caller: MayWriteContacts, request: ApiRequest) -> ASGIApp:
    """Create many contacts."""
    wishes = [_wish(row) for row in data.contacts]
    given = data.options
    options = Options(given.continue_on_error, given.skip_duplicates) if given else Options()
    report, found = await contacts.create_batch(request.resources.database, caller.tenant, wishes, options)
    request.context.is_stored = True
    answer = BatchCreated(
        success=True,
        summary=BatchSummary(len(wishes), len(report.created), len(report.skipped), len(report.failed)),
        created=_items(found),
        skipped=[SkippedRow(row.index, DUPLICATE_PHONE, row.data) for row in report.skipped],
        errors=[FailedRow(row.index, row.code, row.problems, row.data) for row in report.failed],
    )
    return success(request, schemas.BATCH_CREATED, answer)


@delete(
    "/contacts/batch",
    status_code=200,
    summary="Delete many contacts",
    description="In one transaction. Ids that are no contact of the account count as failed.",
    responses=schemas.BATCH_DELETE_RESPONSES,
    tags=["Contacts"],
)
async def delete_batch(
    data: JSONBody[DeleteBatch], caller: MayDeleteContacts, request: ApiRequest
) -> ASGIApp:
    """Delete many contacts."""
    deleted = await contacts.delete_batch(request.resources.database, caller.tenant.id, data.ids)
    summary = DeletionSummary(len(data.ids), deleted, len(data.ids) - deleted)
    return success(request, schemas.BATCH_DELETED, BatchDeleted(success=True, summary=summary))


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


def _items(found: Contacts) -> list[ContactItem]:
    groups = {id_: _group(row) for id_, row in found.relations.get("groups", {}).items()}
    sources = {id_: _source(row) for id_, row in found.relations.get("source", {}).items()}
    statuses = {id_: _status(row) for id_, row in found.relations.get("status", {}).items()}
    items = []
    for row in found.rows:
        item = _item(row)
        if "groups" in found.relations:
            item.groups = [groups[id_] for id_ in row["group_ids"] if id_ in groups]
        if "source" in found.relations:
            item.source = sources.get(row["source_id"])
        if "status" in found.relations:
            item.status = statuses.get(row["status_id"])
        items.append(item)
    return items


_COLUMNS = {told.shown_as: told.column for told in fields_of(Contact)}
_item = by_columns(ContactItem, _COLUMNS)
_group, _source, _status = by_columns(GroupItem), by_columns(SourceItem), by_columns(StatusItem)
