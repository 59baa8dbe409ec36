"""Statuses: how far one is with a contact (api-v2 section 9)."""

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
from rasl.services.contacts.labels import LABEL_LIST, STATUS
from rasl.web.request import ApiRequest

MayRead = Annotated[Caller, Requires("statuses:read")]
MayWrite = Annotated[Caller, Requires("statuses:write")]
MayDelete = Annotated[Caller, Requires("statuses:delete", "statuses:write")]
Color = Annotated[
    str,
    msgspec.Meta(
        max_length=7, pattern=r"^#[0-9A-Fa-f]{6}(?![\s\S])", description="For example #FF5733; null is none."
    ),
]
_MESSAGES = name_messages("Status") | {
    ("color", rule): "Color must be a valid hex color code (e.g., #FF5733)"
    for rule in ("string", "pattern", "max")
}


class StatusItem(msgspec.Struct):
    """How far one is with a contact."""

    id: int
    name: str
    color: str | None
    created_at: str
    updated_at: str


class CreateStatus(Body, frozen=True):
    """A new status."""

    name: Name
    color: Color | None = None
    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES


class ChangeStatus(Body, frozen=True):
    """A change of a status; a color that is left out stays as it is."""

    name: Name
    color: Color | msgspec.UnsetType | None = msgspec.UNSET
    messages: ClassVar[dict[tuple[str, str], str]] = _MESSAGES


STATUS_EXAMPLE = {"id": 2, "name": "In progress", "color": "#FF5733"} | EXAMPLE_TIMES
STATUSES = Noun(
    "/statuses", Tag("Statuses", "How far one is with a contact."), "status", StatusItem, STATUS_EXAMPLE
)


@STATUSES.get_list(LABEL_LIST)
async def list_statuses(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List statuses.

    How far one is with contacts, newest first.
    """
    return await labels.list_labels(request.resources.database, STATUS, caller.tenant.id, query)


@STATUSES.post("", 201, also=against_creating(STATUS), asks={"name": {"name": "Waiting", "color": "#FF5733"}})
async def create_status(data: JSONBody[CreateStatus], caller: MayWrite, request: ApiRequest) -> Row:
    """Create a status.

    Its name must differ from those of the other statuses in more than the case of letters.
    """
    database = request.resources.database
    return await labels.create_label(database, STATUS, caller.tenant.id, data.name, data.color)


@STATUSES.get("/{status_id:str}", NotFound)
async def get_status(status_id: FromPath[str], caller: MayRead, request: ApiRequest) -> Row:
    """Get a status.

    By its id.
    """
    return await labels.get_label(request.resources.database, STATUS, caller.tenant.id, read_id(status_id))


@STATUSES.patch(
    "/{status_id:str}",
    NotFound,
    also=against_changing(STATUS),
    asks={"color": {"name": "In conversation", "color": "#3B82F6"}},
)
async def change_status(
    status_id: FromPath[str], data: JSONBody[ChangeStatus], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a status.

    `name` is required; a `color` that is left out stays, null takes it away.
    """
    database, id_ = request.resources.database, read_id(status_id)
    return await labels.change_label(database, STATUS, caller.tenant.id, id_, data.name, data.color)


@STATUSES.delete("/{status_id:str}", NotFound, ResourceConflict)
async def delete_status(status_id: FromPath[str], caller: MayDelete, request: ApiRequest) -> None:
    """Delete a status.

    For good. Refused while contacts have it (`details.contacts_count`), or new contacts get it (`details.is_default`).
    `statuses:delete` or `statuses:write` will do.
    """
    await labels.delete_label(request.resources.database, STATUS, caller.tenant.id, read_id(status_id))


HANDLERS = (list_statuses, create_status, get_status, change_status, delete_status)
