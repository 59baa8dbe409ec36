"""Contacts: listing, reading, creating, changing and deleting, one by one and in batches (api-v2 section 6)."""

from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteContacts, MayReadContacts, MayWriteContacts
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import include_parameter, operation
from rasl.api.v2 import contact_schemas as schemas
from rasl.api.v2.groups import GROUPS
from rasl.api.v2.sources import SOURCES
from rasl.api.v2.statuses import STATUSES
from rasl.domain.listing import ListQuery, Page
from rasl.domain.records import fields_of
from rasl.domain.records.contact import CONTACT_LIST, RELATIONS, Contact
from rasl.domain.tenants import Caller
from rasl.domain.validation import Body, BodyRefused, Unknown, read_id, read_values
from rasl.errors import FeatureLimitExceeded, NotFound, ValidationFailed
from rasl.services.contacts import contacts
from rasl.services.contacts.contacts import Contacts
from rasl.services.contacts.creation import DUPLICATE_PHONE, Options, Wish
from rasl.web.envelope import success
from rasl.web.request import ApiRequest, Objections

CONTACTS = Noun(
    "/contacts",
    Tag("Contacts", "The people one writes to."),
    "contact",
    schemas.ContactItem,
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


def _read(right: Mapping[str, Any]) -> dict[str, Any]:
    """Return those fields of a refused body that are right."""
    return _given(msgspec.convert(right, schemas.ChangeContact, strict=False))


async def _against_creating(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    return await contacts.find_objections(request.resources.database, caller.tenant, _read(right))


async def _against_changing(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    database, id_ = request.resources.database, read_id(request.path_params["contact_id"])
    return await contacts.find_objections(database, caller.tenant, _read(right), id_)


async def _against_putting(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    fields = _read({name: value for name, value in right.items() if name != "match"})
    match = right.get("match", "phone")
    return await contacts.find_objections_to_putting(request.resources.database, caller.tenant, fields, match)


@CONTACTS.post(
    "",
    201,
    FeatureLimitExceeded,
    tells="The new contact, with its groups.",
    example=schemas.WITH_GROUPS,
    also=_against_creating,
    asks=schemas.ASKS_CREATE,
)
async def create_contact(
    data: JSONBody[schemas.CreateContact], caller: MayWriteContacts, request: ApiRequest
) -> schemas.ContactItem:
    """Create a contact.

    Phone and email must be new in the account.
    """
    found = await contacts.create_contact(request.resources.database, caller.tenant, _given(data))
    return _items(found)[0]


@CONTACTS.put(
    "",
    FeatureLimitExceeded,
    example=schemas.WITH_GROUPS,
    asks=schemas.ASKS_PUT,
    also=_against_putting,
)
async def put_contact(
    data: JSONBody[schemas.PutContact], caller: MayWriteContacts, request: ApiRequest
) -> ASGIApp:
    """Create or change a contact.

    The contact that has this phone (or, with `match=email`, this email) is changed as by PATCH, and 200 answers; if
    there is none it is created as by POST, and 201 answers. What a new contact must have need not be given for one that
    is known. Of any number of calls at once exactly one creates it; repeating a call makes no second one, so it takes
    no `Idempotency-Key`.
    """
    fields = _given(data)
    del fields["match"]
    found, is_new = await contacts.put_contact(request.resources.database, caller.tenant, fields, data.match)
    text, status = ("Contact created successfully", 201) if is_new else ("Contact updated successfully", 200)
    return success(request, text, _items(found)[0], status=status)


@CONTACTS.get(
    "/{contact_id:str}",
    NotFound,
    ValidationFailed,
    tells="The contact.",
    example=schemas.WITH_ALL,
    operation=operation(include_parameter(RELATIONS)),
)
async def get_contact(
    contact_id: FromPath[str], caller: MayReadContacts, request: ApiRequest
) -> schemas.ContactItem:
    """Get a contact.

    By its id.
    """
    includes = listing.read_includes(request, RELATIONS)
    database = request.resources.database
    return _items(await contacts.get_contact(database, caller.tenant.id, read_id(contact_id), includes))[0]


@CONTACTS.patch(
    "/{contact_id:str}",
    NotFound,
    tells="The contact as it is now, with its groups.",
    example=schemas.WITH_GROUPS,
    also=_against_changing,
    asks={"company": {"company": "Harbour Books", "attributes": {"tier": "gold"}}, "groups": {"groups": [3]}},
)
async def change_contact(
    contact_id: FromPath[str],
    data: JSONBody[schemas.ChangeContact],
    caller: MayWriteContacts,
    request: ApiRequest,
) -> schemas.ContactItem:
    """Change a contact.

    What is left out stays, null clears. `groups` replaces all groups; `attributes` changes only the keys it names, and
    null removes a key.
    """
    database, id_ = request.resources.database, read_id(contact_id)
    return _items(await contacts.change_contact(database, caller.tenant, id_, _given(data)))[0]


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
    asks=schemas.ASKS_BATCH,
)
async def create_contacts(
    data: JSONBody[schemas.CreateBatch], caller: MayWriteContacts, request: ApiRequest
) -> schemas.BatchCreated:
    """Create many contacts.

    In one transaction. Contacts that cannot be created are reported by their index in the batch.
    """
    wishes = [_wish(request, index, row) for index, row in enumerate(data.contacts)]
    given = data.options
    options = Options(given.continue_on_error, given.skip_duplicates) if given else Options()
    report, found = await contacts.create_batch(request.resources.database, caller.tenant, wishes, options)
    return schemas.BatchCreated(
        success=True,
        summary=schemas.BatchSummary(
            len(wishes), len(report.created), len(report.skipped), len(report.failed)
        ),
        created=_items(found),
        skipped=[
            schemas.SkippedContact(row.index, DUPLICATE_PHONE, row.data, **row.owners)
            for row in report.skipped
        ],
        errors=[
            schemas.RefusedContact(row.index, row.code, row.problems, row.data, **row.owners)
            for row in report.failed
        ],
    )


@CONTACTS.delete(
    "/batch",
    says="Contacts deleted successfully",
    tells="How many are gone.",
    example=schemas.BATCH_DELETED,
    asks={"two": {"ids": [900, 901]}},
)
async def delete_contacts(
    data: JSONBody[schemas.DeleteBatch], caller: MayDeleteContacts, request: ApiRequest
) -> schemas.BatchDeleted:
    """Delete many contacts.

    In one transaction. Ids that are no contact of the account count as failed.
    """
    deleted = await contacts.delete_batch(request.resources.database, caller.tenant.id, data.ids)
    summary = schemas.DeletionSummary(len(data.ids), deleted, len(data.ids) - deleted)
    return schemas.BatchDeleted(success=True, summary=summary)


HANDLERS = (
    list_contacts,
    create_contact,
    put_contact,
    get_contact,
    change_contact,
    delete_contact,
    create_contacts,
    delete_contacts,
)


def _given(body: Body) -> dict[str, Any]:
    values = msgspec.structs.asdict(body)
    return {name: value for name, value in values.items() if value is not msgspec.UNSET}


def _wish(request: ApiRequest, index: int, row: Any) -> Wish:
    """Read a contact of a batch; what its names do not mean is told with its place in the batch."""
    context, unknown = request.context, Unknown()
    try:
        return Wish(
            row, _given(read_values(schemas.CreateContact, row, unknown, is_strict=context.is_strict))
        )
    except ValidationFailed as error:
        right = _read(error.right) if isinstance(error, BodyRefused) else {}
        return Wish(row, right, error.details)
    finally:
        for name, meant in unknown.items():
            context.ignore(f"contacts.{index}.{name}", meant)


_RENAMED = {told.shown_as: told.column for told in fields_of(Contact) if told.shown_as != told.column}
_NOUNS = {"groups": GROUPS, "source": SOURCES, "status": STATUSES}
_UNASKED = dict.fromkeys(RELATIONS, msgspec.UNSET)


def _items(found: Contacts) -> list[schemas.ContactItem]:
    shown = {
        name: {id_: _NOUNS[name].show(row) for id_, row in rows.items()}
        for name, rows in found.relations.items()
    }
    items = []
    for row in found.rows:
        renamed = {name: row[column] for name, column in _RENAMED.items()}
        item = from_row(schemas.ContactItem, row, **renamed, **_UNASKED)
        if "groups" in shown:
            item.groups = [shown["groups"][id_] for id_ in row["group_ids"] if id_ in shown["groups"]]
        if "source" in shown:
            item.source = shown["source"].get(row["source_id"])
        if "status" in shown:
            item.status = shown["status"].get(row["status_id"])
        items.append(item)
    return items
