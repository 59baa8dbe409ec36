"""Messages: sending, listing, reading (api-v2 section 3)."""

from typing import Any

import msgspec
from litestar import get, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayReadMessages, MaySendMessages
from rasl.api.context import iso
from rasl.api.envelope import success
from rasl.api.operations import GetMessage, ListMessages, SendMessage
from rasl.api.request import ApiRequest
from rasl.api.v2 import message_schemas as schemas
from rasl.api.v2.message_schemas import RESULT_TEXTS, MessageDetail, MessageItem, SendText, SentText
from rasl.db.pool import Row
from rasl.domain import phone
from rasl.domain.message_types.text import Text
from rasl.domain.phone import Phone, PhoneProblem
from rasl.domain.tenants import Caller, Number
from rasl.errors import MessageSendFailed, ValidationFailed, WhatsAppNotConfigured
from rasl.services import reading, sending
from rasl.services.messages import Accepted, Draft
from rasl.services.reading import MESSAGE_LIST, Step
from rasl.services.sending import Attempted


@post(
    "/messages/text",
    status_code=200,
    summary="Send a text message",
    description=schemas.SEND_TEXT,
    operation_class=SendMessage,
    responses=schemas.SEND_TEXT_RESPONSES,
    tags=["Messages"],
)
async def send_text(data: JSONBody[SendText], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Commit a text message and send it."""
    hold = request.context.hold
    if hold and hold.message_id:
        return await _answer_again(request, caller, hold.message_id)
    draft = Draft(
        tenant=caller.tenant,
        number=_number(caller),
        content=Text(data.message),
        phone=read_phone(data.phone, caller),
        contact_id=data.contact_id,
        request_id=request.context.request_id,
        is_async=wants_async(request),
        hold=hold,
    )
    accepted, attempted = await sending.send(request.engine, draft)
    request.context.is_stored = True
    return _answer(request, draft, accepted, attempted)


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
    page = await reading.list_messages(request.engine.database, caller.tenant.id, query)
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
async def get_message(message_id: FromPath[str], caller: MayReadMessages, request: ApiRequest) -> ASGIApp:
    """Return one message of the tenant."""
    database = request.engine.database
    row = await reading.get_message(database, caller.tenant.id, message_id.removeprefix("/"))
    detail = _detail(row)
    pairs = dict(listing.read_pairs(request.scope["query_string"]))
    if "timeline" in pairs.get("include", "").split(","):
        detail.timeline = [_step(step) for step in await reading.read_timeline(database, row)]
    return success(request, "Message retrieved successfully", detail)


# The public record prints both paths (api-v2 section 17, row 1).
list_messages_alias = get("/messages/messages", include_in_schema=False)(list_messages.fn)

HANDLERS = (send_text, list_messages, list_messages_alias, get_message)


def read_phone(text: str | None, caller: Caller) -> Phone | None:
    """Understand a recipient's number; raises ValidationFailed saying what is missing."""
    if text is None:
        return None
    understood = phone.understand(text, caller.tenant.default_country)
    if isinstance(understood, PhoneProblem):
        raise ValidationFailed({"phone": [understood.sentence]})
    return understood


def wants_async(request: ApiRequest) -> bool:
    """Tell whether the client asked to be answered before the message is sent (RFC 7240)."""
    return b"respond-async" in request.context.asked.get(b"prefer", b"").lower()


def _number(caller: Caller) -> Number:
    if caller.tenant.number is None:
        raise WhatsAppNotConfigured
    return caller.tenant.number


def _answer(request: ApiRequest, draft: Draft, accepted: Accepted, attempted: Attempted) -> ASGIApp:
    if attempted.status == "failed":
        raise _send_failed(accepted.message_id, attempted)
    data = SentText(
        message_id=attempted.wamid,
        contact_id=accepted.contact_id,
        phone=accepted.peer,
        message=accepted.content.preview(),
        status=attempted.status,
        sent_at=iso(accepted.created_at) if attempted.status == "sent" else None,
        chat_id=accepted.conversation_id,
        chat_message_id=accepted.message_id,
    )
    return success(request, RESULT_TEXTS[attempted.status], data, status=202 if draft.is_async else 200)


def _send_failed(message_id: int, attempted: Attempted) -> MessageSendFailed:
    failure = attempted.failure
    if failure is None:
        return MessageSendFailed(
            f"WhatsApp could not be reached: {attempted.reason}", {"chat_message_id": message_id}
        )
    return MessageSendFailed(
        f"WhatsApp refused the message: {failure.details or failure.message or failure.title}",
        {
            "meta_code": failure.code,
            "meta_title": failure.title,
            "fbtrace_id": failure.fbtrace_id,
            "cure": failure.cure,
            "chat_message_id": message_id,
        },
    )


async def _answer_again(request: ApiRequest, caller: Caller, message_id: int) -> ASGIApp:
    """Answer for a message whose first request died before it could: from what is stored, sending nothing."""
    row = await reading.get_message(request.engine.database, caller.tenant.id, str(message_id))
    request.context.is_stored = True
    if row["status"] == "failed":
        raise MessageSendFailed(
            f"WhatsApp refused the message: {row['status_message']}",
            {"meta_code": row["error_code"], "chat_message_id": message_id},
        )
    data = SentText(
        message_id=row["wamid"],
        contact_id=row["contact_id"],
        phone=row["peer"],
        message=row["text"],
        status=row["status"],
        sent_at=iso(row["sent_at"]),
        chat_id=row["conversation_id"],
        chat_message_id=message_id,
    )
    return success(request, RESULT_TEXTS.get(row["status"], RESULT_TEXTS["sent"]), data)


def _item(row: Row) -> MessageItem:
    return MessageItem(**_item_values(row))


def _item_values(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "interaction_id": row["conversation_id"],
        "sender_id": reading.sender_of(row),
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


def _detail(row: Row) -> MessageDetail:
    return MessageDetail(
        **_item_values(row),
        status_message=row["status_message"],
        ref_message_id=row["reply_to"],
        url=None,
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
