"""Shapes of messages in and out, with their examples and errors for the OpenAPI document."""

from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from rasl.errors import (
    NotFound,
    ValidationFailed,
)
from rasl.web.envelope import Success
from rasl.web.responses import EXAMPLE_META, example, raises

_ITEM = {
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
}
_PAGINATION = {
    "current_page": 1,
    "per_page": 15,
    "total": 37,
    "last_page": 3,
    "from": 1,
    "to": 15,
    "next_cursor": "k8QEuVaKsNf_AAAAAGmoMdoEzgAAEjQ",
}


def _response(kind: Any, description: str, message: str, data: Any, **meta: Any) -> ResponseSpec:
    return ResponseSpec(
        kind, description=description, generate_examples=False, examples=[example(message, data, **meta)]
    )


class MessageItem(msgspec.Struct):
    """A message in a list."""

    id: int
    interaction_id: int | None
    sender_id: str | None
    type: str | None
    message: str | None
    status: str | None
    message_id: str | None
    sent_at: str
    is_read: bool
    direction: str
    created_at: str
    updated_at: str


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


_DETAIL = _ITEM | {
    "status_message": None,
    "ref_message_id": None,
    "url": None,
    "staff_id": None,
    "error_code": None,
    "is_ambiguous": False,
    "contact_id": 812,
    "delivered_at": "2026-03-04T09:15:24+00:00",
    "read_at": None,
    "failed_at": None,
    "request_id": EXAMPLE_META["request_id"],
}


LIST = "Sent and received messages, newest first. `/messages/messages` is an alias."

LIST_RESPONSES = raises(ValidationFailed) | {
    200: _response(
        Success[list[MessageItem]],
        "One page.",
        "Messages retrieved successfully",
        [_ITEM],
        pagination=_PAGINATION,
    )
}

GET = """By its numeric id (`chat_message_id` of a send) or its WhatsApp id (`wamid.…`). `include=timeline` adds every
step: accepted, each attempt with WhatsApp's code and the cure, each status it reported."""

GET_RESPONSES = raises(NotFound) | {
    200: _response(Success[MessageDetail], "The message.", "Message retrieved successfully", _DETAIL)
}
