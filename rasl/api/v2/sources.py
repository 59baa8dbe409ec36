"""Sources: where contacts come from (api-v2 section 8)."""

from typing import Annotated, ClassVar

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from rasl.api.caller import Requires
from rasl.api.nouns import Noun
from rasl.api.v2.label_names import EXAMPLE_TIMES, Name, against_changing, against_creating, name_messages
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Caller
from rasl.domain.validation import Body, read_id
from rasl.errors import NotFound, ResourceConflict
from rasl.services.contacts import labels
from rasl.services.contacts.labels import LABEL_LIST, SOURCE
from rasl.web.request import ApiRequest

MayRead = Annotated[Caller, Requires("sources:read")]
MayWrite = Annotated[Caller, Requires("sources:write")]
MayDelete = Annotated[Caller, Requires("sources:delete", "sources:write")]


class SourceItem(msgspec.Struct):
    """Where contacts come from."""

    id: int
    name: str
    created_at: str
    updated_at: str


class WriteSource(Body, frozen=True):
    """What there is to write about a source."""

    name: Name
    messages: ClassVar[dict[tuple[str, str], str]] = name_messages("Source")


SOURCE_EXAMPLE = {"id": 5, "name": "Website"} | EXAMPLE_TIMES
SOURCES = Noun("/sources", Tag("Sources", "Where contacts come from."), "source", SourceItem, SOURCE_EXAMPLE)


@SOURCES.get_list(LABEL_LIST)
async def list_sources(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List sources.

    Where contacts come from, newest first.
    """
    return await labels.list_labels(request.resources.database, SOURCE, caller.tenant.id, query)


@SOURCES.post("", 201, also=against_creating(SOURCE), asks={"name": {"name": "Podcast"}})
async def create_source(data: JSONBody[WriteSource], caller: MayWrite, request: ApiRequest) -> Row:
    """Create a source.

    Its name must differ from those of the other sources in more than the case of letters.
    """
    return await labels.create_label(request.resources.database, SOURCE, caller.tenant.id, data.name)


@SOURCES.get("/{source_id:str}", NotFound)
async def get_source(source_id: FromPath[str], caller: MayRead, request: ApiRequest) -> Row:
    """Get a source.

    By its id.
    """
    return await labels.get_label(request.resources.database, SOURCE, caller.tenant.id, read_id(source_id))


@SOURCES.patch(
    "/{source_id:str}", NotFound, also=against_changing(SOURCE), asks={"name": {"name": "Book fair"}}
)
async def change_source(
    source_id: FromPath[str], data: JSONBody[WriteSource], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a source.

    `name` is required.
    """
    database, id_ = request.resources.database, read_id(source_id)
    return await labels.change_label(database, SOURCE, caller.tenant.id, id_, data.name)


@SOURCES.delete("/{source_id:str}", NotFound, ResourceConflict)
async def delete_source(source_id: FromPath[str], caller: MayDelete, request: ApiRequest) -> None:
    """Delete a source.

    For good. Refused while contacts have it (`details.contacts_count`), or new contacts get it (`details.is_default`).
    `sources:delete` or `sources:write` will do.
    """
    await labels.delete_label(request.resources.database, SOURCE, caller.tenant.id, read_id(source_id))


HANDLERS = (list_sources, create_source, get_source, change_source, delete_source)
