"""Groups of contacts: themselves, and who is in them (api-v2 section 7)."""

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
from rasl.errors import NotFound
from rasl.services.contacts import groups, labels
from rasl.services.contacts.groups import MAX_MEMBERS
from rasl.services.contacts.labels import GROUP, LABEL_LIST
from rasl.web.request import ApiRequest

MayRead = Annotated[Caller, Requires("groups:read")]
MayWrite = Annotated[Caller, Requires("groups:write")]
MayDelete = Annotated[Caller, Requires("groups:delete")]
ContactIds = Annotated[
    list[int],
    msgspec.Meta(
        min_length=1, max_length=MAX_MEMBERS, description=f"Contacts, at most {MAX_MEMBERS:,} in one call."
    ),
]


class GroupItem(msgspec.Struct):
    """A group of contacts."""

    id: int
    name: str
    created_at: str
    updated_at: str


class WriteGroup(Body, frozen=True):
    """What there is to write about a group."""

    name: Name
    messages: ClassVar[dict[tuple[str, str], str]] = name_messages("Group")


class Members(Body, frozen=True):
    """Contacts to put into a group, or to take out of it."""

    contact_ids: ContactIds
    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("contact_ids", "required"): "Contact IDs are required",
        ("contact_ids", "array"): "Contact IDs must be an array",
        ("contact_ids", "invalid"): "Contact IDs must be integers",
        ("contact_ids", "max"): f"At most {MAX_MEMBERS:,} contact IDs can be given in one call",
    }


class Added(msgspec.Struct):
    """How many contacts came into a group that were not in it."""

    group_id: int
    contacts_added: int


class Removed(msgspec.Struct):
    """How many contacts left a group."""

    group_id: int
    contacts_removed: int


_MEMBERS = {"two": {"contact_ids": [812, 813]}}
GROUP_EXAMPLE = {"id": 3, "name": "VIP"} | EXAMPLE_TIMES
GROUPS = Noun(
    "/groups", Tag("Groups", "Groups of contacts, and who is in them."), "group", GroupItem, GROUP_EXAMPLE
)


@GROUPS.get_list(LABEL_LIST)
async def list_groups(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List groups.

    Groups of contacts, newest first.
    """
    return await labels.list_labels(request.resources.database, GROUP, caller.tenant.id, query)


@GROUPS.post("", 201, also=against_creating(GROUP), asks={"name": {"name": "VIP customers"}})
async def create_group(data: JSONBody[WriteGroup], caller: MayWrite, request: ApiRequest) -> Row:
    """Create a group.

    Its name must differ from those of the other groups in more than the case of letters.
    """
    return await labels.create_label(request.resources.database, GROUP, caller.tenant.id, data.name)


@GROUPS.get("/{group_id:str}", NotFound)
async def get_group(group_id: FromPath[str], caller: MayRead, request: ApiRequest) -> Row:
    """Get a group.

    By its id.
    """
    return await labels.get_label(request.resources.database, GROUP, caller.tenant.id, read_id(group_id))


@GROUPS.patch("/{group_id:str}", NotFound, also=against_changing(GROUP), asks={"name": {"name": "Readers"}})
async def change_group(
    group_id: FromPath[str], data: JSONBody[WriteGroup], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a group.

    `name` is required.
    """
    database, id_ = request.resources.database, read_id(group_id)
    return await labels.change_label(database, GROUP, caller.tenant.id, id_, data.name)


@GROUPS.delete("/{group_id:str}", NotFound)
async def delete_group(group_id: FromPath[str], caller: MayDelete, request: ApiRequest) -> None:
    """Delete a group.

    For good. Its contacts stay, without it.
    """
    await groups.delete_group(request.resources.database, caller.tenant.id, read_id(group_id))


@GROUPS.post(
    "/{group_id:str}/contacts",
    200,
    NotFound,
    says="Contacts added to group successfully",
    tells="How many are new in it.",
    example=Added(3, 2),
    also=against_changing(GROUP),
    asks=_MEMBERS,
)
async def add_contacts_to_group(
    group_id: FromPath[str], data: JSONBody[Members], caller: MayWrite, request: ApiRequest
) -> Added:
    """Add contacts to a group.

    All of them or, when one does not exist, none. Those that are in it already are not counted.
    """
    id_, database = read_id(group_id), request.resources.database
    return Added(id_, await groups.add_contacts(database, caller.tenant.id, id_, data.contact_ids))


@GROUPS.delete(
    "/{group_id:str}/contacts",
    NotFound,
    says="Contacts removed from group successfully",
    tells="How many left it.",
    example=Removed(3, 2),
    also=against_changing(GROUP),
    asks=_MEMBERS,
)
async def remove_contacts_from_group(
    group_id: FromPath[str], data: JSONBody[Members], caller: MayWrite, request: ApiRequest
) -> Removed:
    """Remove contacts from a group.

    Contacts that are not in it, or do not exist, are passed over.
    """
    id_, database = read_id(group_id), request.resources.database
    return Removed(id_, await groups.remove_contacts(database, caller.tenant.id, id_, data.contact_ids))


HANDLERS = (
    list_groups,
    create_group,
    get_group,
    change_group,
    delete_group,
    add_contacts_to_group,
    remove_contacts_from_group,
)
