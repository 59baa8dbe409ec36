"""Messages: listing and reading (api-v2 section 3); each kind of send has its file in `sends`."""

from typing import Annotated, Any

import msgspec
from litestar import get
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath

from rasl.api import listing
from rasl.api.caller import MayReadMessages
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import operation, query_parameter
from rasl.api.v2 import sends
from rasl.api.v2.message_names import raw_name, read_name
from rasl.api.v2.sends.documented import MESSAGES_TAG, Status
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.message_types import MESSAGE_TYPES
from rasl.errors import NotFound
from rasl.services.composing import named_messages
from rasl.services.media.links import signed_url
from rasl.services.sending import message_list
from rasl.services.sending.message_list import MESSAGE_LIST, Step
from rasl.web.request import ApiRequest
from rasl.web.responses import EXAMPLE_META, mostly_one_of, one_of

_TYPES = (
    *dict.fromkeys(content.type_name for content in MESSAGE_TYPES),
    *("button", "order", "system", "unsupported"),
)
MessageType = Annotated[str, mostly_one_of("MessageType", _TYPES)]
Direction = Annotated[str, one_of("MessageDirection", ("inbound", "outbound"))]


class MessageItem(msgspec.Struct):
    """A message in a list."""

    id: int
    interaction_id: int | None
    sender_id: str | None
    type: MessageType | None
    message: str | None
    status: Status | None
    message_id: str | None
    sent_at: str
    is_read: bool
    direction: Direction
    created_at: str
    updated_at: str
    body_dropped_at: str | None


class MessageDetail(MessageItem):
    """One message; `timeline` appears with `include=timeline`."""

    status_message: str | None
    ref_message_id: str | None
    url: str | None
    staff_id: int | None
    error_code: int | None
    is_ambiguous: bool
    contact_id: int | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None
    request_id: str | None
    timeline: list[dict[str, Any]] | msgspec.UnsetType = msgspec.UNSET


_EXAMPLE = {
    "id": 9031,
    "interaction_id": 77,
    "sender_id": "442079460000",
    "type": "text",
    "message": "Hi Priya, your parcel is ready.",
    "status": "delivered",
    "message_id": "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
    "sent_at": "2026-03-04T09:15:22+00:00",
    "is_read": False,
    "direction": "outbound",
    "created_at": "2026-03-04T09:15:22+00:00",
    "updated_at": "2026-03-04T09:15:24+00:00",
    "body_dropped_at": None,
}
_DETAIL = (
    dict.fromkeys(MessageDetail.__struct_fields__[:-1])
    | _EXAMPLE
    | {
        "is_ambiguous": False,
        "contact_id": 812,
        "delivered_at": "2026-03-04T09:15:24+00:00",
        "request_id": EXAMPLE_META["request_id"],
    }
)
_TIMELINE = "timeline"
_INCLUDE = query_parameter(
    "include",
    Schema(type=OpenAPIType.STRING),
    "`timeline`: every step of the message.",
)


def _shown(row: Row) -> dict[str, Any]:
    return {
        "interaction_id": row["conversation_id"],
        "sender_id": message_list.sender_of(row),
        "message": row["text"],
        "message_id": row["wamid"],
        "sent_at": row["sent_at"] or row["created_at"],
        "is_read": row["status"] in {"read", "played"},
    }


def _item(row: Row) -> MessageItem:
    return from_row(MessageItem, row, **_shown(row))


MESSAGES = Noun("/messages", MESSAGES_TAG, "message", MessageItem, _EXAMPLE, _item)


@MESSAGES.get_list(MESSAGE_LIST)
async def list_messages(caller: MayReadMessages, request: ApiRequest, query: ListQuery) -> Page:
    """List messages.

    Sent and received messages, newest first. `/messages/messages` is an alias.
    """
    return await message_list.list_messages(request.resources.database, caller.tenant.id, query)


@MESSAGES.get(
    "/{message_id:path}", NotFound, tells="The message.", example=_DETAIL, operation=operation(_INCLUDE)
)
async def get_message(
    message_id: FromPath[str],  # noqa: ARG001 - for the route and its document
    caller: MayReadMessages,
    request: ApiRequest,
) -> MessageDetail:
    """Get a message.

    By its numeric id (`chat_message_id` of a send) or its WhatsApp id (`wamid.…`). `include=timeline` adds every
    step: accepted, each attempt with WhatsApp's code and the cure, each status it reported, each webhook told.
    """
    database, tenant_id = request.resources.database, caller.tenant.id
    includes = listing.read_includes(request, (_TIMELINE,))
    row = await named_messages.get_message(database, tenant_id, read_name(raw_name(request)))
    media_id = await message_list.find_media(database, row)
    return from_row(
        MessageDetail,
        row,
        **_shown(row),
        ref_message_id=row["reply_to"],
        url=signed_url(request.resources, tenant_id, media_id) if media_id else None,
        staff_id=None,
        request_id=str(row["request_id"]) if row["request_id"] else None,
        timeline=[_step(step) for step in await message_list.read_timeline(database, row)]
        if _TIMELINE in includes
        else msgspec.UNSET,
    )


# The public record prints both paths (api-v2 section 17, row 1).
list_messages_alias = get("/messages/messages", include_in_schema=False)(list_messages.fn)

HANDLERS = (
    *sends.HANDLERS,
    list_messages,
    list_messages_alias,
    get_message,
)


def _step(step: Step) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(step)
    return {**values, "at": step.at.isoformat(timespec="milliseconds")}
