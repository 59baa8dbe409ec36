"""Sources: where contacts come from (api-v2 section 8)."""

from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteSources, MayReadSources, MayWriteSources
from rasl.api.operations import Create, ListNames
from rasl.api.v2 import label_schemas as schemas
from rasl.api.v2.label_schemas import SOURCE_EXAMPLE, SourceItem, WriteSource
from rasl.db.pool import Row
from rasl.domain.validation import read_id
from rasl.services.contacts import labels
from rasl.services.contacts.labels import SOURCE
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

_LISTED = "Sources retrieved successfully"
_CREATED = "Source created successfully"
_FOUND = "Source retrieved successfully"
_CHANGED = "Source updated successfully"
_DELETED = "Source deleted successfully"


@get(
    "/sources",
    summary="List sources",
    description="Where contacts come from, newest first.",
    operation_class=ListNames,
    responses=schemas.listed(SourceItem, _LISTED, SOURCE_EXAMPLE),
    tags=["Sources"],
)
async def list_sources(caller: MayReadSources, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's sources."""
    query = listing.read_query(request.scope["query_string"], SOURCE.list_spec)
    page = await labels.list_labels(request.resources.database, SOURCE, caller.tenant.id, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, _LISTED, items, listing.read_pagination(query, page))


@post(
    "/sources",
    summary="Create a source",
    description="Its name must differ from those of the other sources in more than the case of letters.",
    operation_class=Create,
    responses=schemas.created(SourceItem, _CREATED, SOURCE_EXAMPLE),
    tags=["Sources"],
)
async def create_source(data: JSONBody[WriteSource], caller: MayWriteSources, request: ApiRequest) -> ASGIApp:
    """Create a source."""
    row = await labels.create_label(request.resources.database, SOURCE, caller.tenant.id, data.name)
    request.context.is_stored = True
    return success(request, _CREATED, _item(row), status=201)


@get(
    "/sources/{source_id:str}",
    summary="Get a source",
    description="By its id.",
    responses=schemas.found(SourceItem, _FOUND, SOURCE_EXAMPLE),
    tags=["Sources"],
)
async def get_source(source_id: FromPath[str], caller: MayReadSources, request: ApiRequest) -> ASGIApp:
    """Return one source of the tenant."""
    row = await labels.get_label(request.resources.database, SOURCE, caller.tenant.id, read_id(source_id))
    return success(request, _FOUND, _item(row))


@patch(
    "/sources/{source_id:str}",
    summary="Change a source",
    description="`name` is required.",
    responses=schemas.changed(SourceItem, _CHANGED, SOURCE_EXAMPLE),
    tags=["Sources"],
)
async def change_source(
    source_id: FromPath[str], data: JSONBody[WriteSource], caller: MayWriteSources, request: ApiRequest
) -> ASGIApp:
    """Rename a source."""
    database = request.resources.database
    row = await labels.change_label(database, SOURCE, caller.tenant.id, read_id(source_id), data.name)
    return success(request, _CHANGED, _item(row))


@delete(
    "/sources/{source_id:str}",
    status_code=200,
    summary="Delete a source",
    description="For good. Refused while contacts have it (`details.contacts_count`), or new contacts get it.",
    responses=schemas.deleted(_DELETED, can_be_refused=True),
    tags=["Sources"],
)
async def delete_source(source_id: FromPath[str], caller: MayDeleteSources, request: ApiRequest) -> ASGIApp:
    """Delete a source that nothing refers to."""
    await labels.delete_label(request.resources.database, SOURCE, caller.tenant.id, read_id(source_id))
    return success(request, _DELETED, None)


HANDLERS = (list_sources, create_source, get_source, change_source, delete_source)


def _item(row: Row) -> SourceItem:
    return SourceItem(row["id"], row["name"], iso(row["created_at"]) or "", iso(row["updated_at"]) or "")
