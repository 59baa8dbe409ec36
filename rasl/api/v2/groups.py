"""Groups of contacts: themselves, and who is in them (api-v2 section 7)."""

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteGroups, MayReadGroups, MayWriteGroups
from rasl.api.operations import Create, ListNames
from rasl.api.v2 import label_schemas as schemas
from rasl.api.v2.label_schemas import GROUP_EXAMPLE, Added, GroupItem, Members, Removed, WriteGroup
from rasl.db.pool import Row
from rasl.domain.validation import read_id
from rasl.services.contacts import groups, labels
from rasl.services.contacts.labels import GROUP
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

_LISTED = "Groups retrieved successfully"
_CREATED = "Group created successfully"
_FOUND = "Group retrieved successfully"
_CHANGED = "Group updated successfully"
_DELETED = "Group deleted successfully"
_ADDED = "Contacts added to group successfully"
_REMOVED = "Contacts removed from group successfully"


@get(
    "/groups",
    summary="List groups",
    description="Groups of contacts, newest first.",
    operation_class=ListNames,
    responses=schemas.listed(GroupItem, _LISTED, GROUP_EXAMPLE),
    tags=["Groups"],
)
async def list_groups(caller: MayReadGroups, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's groups."""
    query = listing.read_query(request.scope["query_string"], GROUP.list_spec)
    page = await labels.list_labels(request.resources.database, GROUP, caller.tenant.id, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, _LISTED, items, listing.read_pagination(query, page))


@post(
    "/groups",
    summary="Create a group",
    description="Its name must differ from those of the other groups in more than the case of letters.",
    operation_class=Create,
    responses=schemas.created(GroupItem, _CREATED, GROUP_EXAMPLE),
    tags=["Groups"],
)
async def create_group(data: JSONBody[WriteGroup], caller: MayWriteGroups, request: ApiRequest) -> ASGIApp:
    """Create a group."""
    row = await labels.create_label(request.resources.database, GROUP, caller.tenant.id, data.name)
    request.context.is_stored = True
    return success(request, _CREATED, _item(row), status=201)


@get(
    "/groups/{group_id:str}",
    summary="Get a group",
    description="By its id.",
    responses=schemas.found(GroupItem, _FOUND, GROUP_EXAMPLE),
    tags=["Groups"],
)
async def get_group(group_id: FromPath[str], caller: MayReadGroups, request: ApiRequest) -> ASGIApp:
    """Return one group of the tenant."""
    row = await labels.get_label(request.resources.database, GROUP, caller.tenant.id, read_id(group_id))
    return success(request, _FOUND, _item(row))


@patch(
    "/groups/{group_id:str}",
    summary="Change a group",
    description="`name` is required.",
    responses=schemas.changed(GroupItem, _CHANGED, GROUP_EXAMPLE),
    tags=["Groups"],
)
async def change_group(
    group_id: FromPath[str], data: JSONBody[WriteGroup], caller: MayWriteGroups, request: ApiRequest
) -> ASGIApp:
    """Rename a group."""
    database = request.resources.database
    row = await labels.change_label(database, GROUP, caller.tenant.id, read_id(group_id), data.name)
    return success(request, _CHANGED, _item(row))


@delete(
    "/groups/{group_id:str}",
    status_code=200,
    summary="Delete a group",
    description="For good. Its contacts stay, without it.",
    responses=schemas.deleted(_DELETED, can_be_refused=False),
    tags=["Groups"],
)
async def delete_group(group_id: FromPath[str], caller: MayDeleteGroups, request: ApiRequest) -> ASGIApp:
    """Delete a group and take it from its contacts."""
    await groups.delete_group(request.resources.database, caller.tenant.id, read_id(group_id))
    return success(request, _DELETED, None)


@post(
    "/groups/{group_id:str}/contacts",
    status_code=200,
    summary="Add contacts to a group",
    description="All of them or, when one does not exist, none. Those that are in it already are not counted.",
    operation_class=Create,
    responses=schemas.added(_ADDED),
    tags=["Groups"],
)
async def add_contacts(
    group_id: FromPath[str], data: JSONBody[Members], caller: MayWriteGroups, request: ApiRequest
) -> ASGIApp:
    """Put contacts into a group."""
    id_, database = read_id(group_id), request.resources.database
    count = await groups.add_contacts(database, caller.tenant.id, id_, data.contact_ids)
    request.context.is_stored = True
    return success(request, _ADDED, Added(id_, count))


@delete(
    "/groups/{group_id:str}/contacts",
    status_code=200,
    summary="Remove contacts from a group",
    description="Contacts that are not in it, or do not exist, are passed over.",
    responses=schemas.removed(_REMOVED),
    tags=["Groups"],
)
async def remove_contacts(
    group_id: FromPath[str], data: JSONBody[Members], caller: MayWriteGroups, request: ApiRequest
) -> ASGIApp:
    """Take contacts out of a group."""
    id_, database = read_id(group_id), request.resources.database
    count = await groups.remove_contacts(database, caller.tenant.id, id_, data.contact_ids)
    return success(request, _REMOVED, Removed(id_, count))


HANDLERS = (list_groups, create_group, get_group, change_group, delete_group, add_contacts, remove_contacts)


def _item(row: Row) -> GroupItem:
    return GroupItem(row["id"], row["name"], iso(row["created_at"]) or "", iso(row["updated_at"]) or "")
