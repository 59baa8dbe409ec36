"""Statuses: how far one is with a contact (api-v2 section 9)."""

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteStatuses, MayReadStatuses, MayWriteStatuses
from rasl.api.operations import Create, ListStatuses
from rasl.api.v2 import label_schemas as schemas
from rasl.api.v2.label_schemas import STATUS_EXAMPLE, ChangeStatus, CreateStatus, StatusItem
from rasl.db.pool import Row
from rasl.domain.validation import read_id
from rasl.services.contacts import labels
from rasl.services.contacts.labels import STATUS
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

_LISTED = "Statuses retrieved successfully"
_CREATED = "Status created successfully"
_FOUND = "Status retrieved successfully"
_CHANGED = "Status updated successfully"
_DELETED = "Status deleted successfully"


@get(
    "/statuses",
    summary="List statuses",
    description="How far one is with contacts, newest first.",
    operation_class=ListStatuses,
    responses=schemas.listed(StatusItem, _LISTED, STATUS_EXAMPLE),
    tags=["Statuses"],
)
async def list_statuses(caller: MayReadStatuses, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's statuses."""
    query = listing.read_query(request.scope["query_string"], STATUS.list_spec)
    page = await labels.list_labels(request.resources.database, STATUS, caller.tenant.id, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, _LISTED, items, listing.read_pagination(query, page))


@post(
    "/statuses",
    summary="Create a status",
    description="Its name must differ from those of the other statuses in more than the case of letters.",
    operation_class=Create,
    responses=schemas.created(StatusItem, _CREATED, STATUS_EXAMPLE),
    tags=["Statuses"],
)
async def create_status(
    data: JSONBody[CreateStatus], caller: MayWriteStatuses, request: ApiRequest
) -> ASGIApp:
    """Create a status."""
    row = await labels.create_label(
        request.resources.database, STATUS, caller.tenant.id, data.name, data.color
    )
    request.context.is_stored = True
    return success(request, _CREATED, _item(row), status=201)


@get(
    "/statuses/{status_id:str}",
    summary="Get a status",
    description="By its id.",
    responses=schemas.found(StatusItem, _FOUND, STATUS_EXAMPLE),
    tags=["Statuses"],
)
async def get_status(status_id: FromPath[str], caller: MayReadStatuses, request: ApiRequest) -> ASGIApp:
    """Return one status of the tenant."""
    row = await labels.get_label(request.resources.database, STATUS, caller.tenant.id, read_id(status_id))
    return success(request, _FOUND, _item(row))


@patch(
    "/statuses/{status_id:str}",
    summary="Change a status",
    description="`name` is required; a `color` that is left out stays, null takes it away.",
    responses=schemas.changed(StatusItem, _CHANGED, STATUS_EXAMPLE),
    tags=["Statuses"],
)
async def change_status(
    status_id: FromPath[str], data: JSONBody[ChangeStatus], caller: MayWriteStatuses, request: ApiRequest
) -> ASGIApp:
    """Rename a status and change its color, if one is given."""
    database = request.resources.database
    row = await labels.change_label(
        database, STATUS, caller.tenant.id, read_id(status_id), data.name, data.color
    )
    return success(request, _CHANGED, _item(row))


@delete(
    "/statuses/{status_id:str}",
    status_code=200,
    summary="Delete a status",
    description="For good. Refused while contacts have it (`details.contacts_count`), or new contacts get it.",
    responses=schemas.deleted(_DELETED, can_be_refused=True),
    tags=["Statuses"],
)
async def delete_status(status_id: FromPath[str], caller: MayDeleteStatuses, request: ApiRequest) -> ASGIApp:
    """Delete a status that nothing refers to."""
    await labels.delete_label(request.resources.database, STATUS, caller.tenant.id, read_id(status_id))
    return success(request, _DELETED, None)


HANDLERS = (list_statuses, create_status, get_status, change_status, delete_status)


def _item(row: Row) -> StatusItem:
    return StatusItem(
        row["id"], row["name"], row["color"], iso(row["created_at"]) or "", iso(row["updated_at"]) or ""
    )
