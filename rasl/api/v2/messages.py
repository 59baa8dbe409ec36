"""Messages: listing and reading (api-v2 section 3); each kind of send has its file in `sends`."""

from typing import Any

import msgspec
from litestar import get
from litestar.params import FromPath
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayReadMessages
from rasl.api.operations import GetMessage, ListMessages
from rasl.api.v2 import message_schemas as schemas
from rasl.api.v2.message_names import raw_name, read_name
from rasl.api.v2.message_schemas import MessageDetail, MessageItem
from rasl.api.v2.sends import (
    contacts,
    interactive,
    location,
    media,
    reaction,
    read_receipt,
    template,
    text,
)
from rasl.db.pool import Row
from rasl.services.composing import named_messages
from rasl.services.media.links import signed_url
from rasl.services.sending import message_list
from rasl.services.sending.message_list import MESSAGE_LIST, Step
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest


@get(
    "/messages",
    summary="List messages",
    description=schemas.LIST,
    operation_class=ListMessages,
    responses=schemas.LIST_RESPONSES,
    tags=["Messages"],
)
async def list_messages(caller: MayReadMessages, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's messages."""
    query = listing.read_query(request.scope["query_string"], MESSAGE_LIST)
    page = await message_list.list_messages(request.resources.database, caller.tenant.id, query)
    items = [listing.select_fields(_item(row), query.fields) for row in page.rows]
    return success(request, "Messages retrieved successfully", items, listing.read_pagination(query, page))


@get(
    "/messages/{message_id:path}",
    summary="Get a message",
    description=schemas.GET,
    operation_class=GetMessage,
    responses=schemas.GET_RESPONSES,
    tags=["Messages"],
)
async def get_message(
    message_id: FromPath[str],  # noqa: ARG001 - for the route and its document
    caller: MayReadMessages,
    request: ApiRequest,
) -> ASGIApp:
    """Return one message of the tenant."""
    database = request.resources.database
    row = await named_messages.get_message(database, caller.tenant.id, read_name(raw_name(request)))
    media_id = await message_list.find_media(database, row)
    detail = _detail(row, signed_url(request.resources, caller.tenant.id, media_id) if media_id else None)
    pairs = dict(listing.read_pairs(request.scope["query_string"]))
    if "timeline" in pairs.get("include", "").split(","):
        detail.timeline = [_step(step) for step in await message_list.read_timeline(database, row)]
    return success(request, "Message retrieved successfully", detail)


# The public record prints both paths (api-v2 section 17, row 1).
list_messages_alias = get("/messages/messages", include_in_schema=False)(list_messages.fn)

HANDLERS = (
    *text.HANDLERS,
    *media.HANDLERS,
    *template.HANDLERS,
    *interactive.HANDLERS,
    *location.HANDLERS,
    *contacts.HANDLERS,
    *reaction.HANDLERS,
    *read_receipt.HANDLERS,
    list_messages,
    list_messages_alias,
    get_message,
)


def _item(row: Row) -> MessageItem:
    return MessageItem(**_item_values(row))


def _item_values(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "interaction_id": row["conversation_id"],
        "sender_id": message_list.sender_of(row),
        "type": row["type"],
        "message": row["text"],
        "status": row["status"],
        "message_id": row["wamid"],
        "sent_at": iso(row["sent_at"] or row["created_at"]),
        "is_read": row["status"] in {"read", "played"},
        "direction": row["direction"],
        "created_at": iso(row["created_at"]),
        "updated_at": iso(row["updated_at"]),
    }


def _detail(row: Row, url: str | None) -> MessageDetail:
    return MessageDetail(
        **_item_values(row),
        status_message=row["status_message"],
        ref_message_id=row["reply_to"],
        url=url,
        staff_id=None,
        error_code=row["error_code"],
        is_ambiguous=row["is_ambiguous"],
        contact_id=row["contact_id"],
        delivered_at=iso(row["delivered_at"]),
        read_at=iso(row["read_at"]),
        failed_at=iso(row["failed_at"]),
        request_id=str(row["request_id"]) if row["request_id"] else None,
    )


def _step(step: Step) -> dict[str, Any]:
    values: dict[str, Any] = msgspec.to_builtins(step)
    return {**values, "at": step.at.isoformat(timespec="milliseconds")}
