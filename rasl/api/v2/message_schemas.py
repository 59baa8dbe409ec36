"""Shapes of messages in and out, with their examples and errors for the OpenAPI document."""

from collections.abc import Set
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from rasl.api.envelope import Success
from rasl.api.openapi import EXAMPLE_META, example, raises
from rasl.domain.message_types.text import MAX_LENGTH
from rasl.domain.validation import MAX_ID, Body
from rasl.errors import (
    ContactOptedOut,
    FeatureLimitExceeded,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidJson,
    MessageSendFailed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    WhatsAppNotConfigured,
    WindowClosed,
)

_SEND_ERRORS = raises(
    InvalidJson,
    ValidationFailed,
    WhatsAppNotConfigured,
    NotFound,
    ContactOptedOut,
    FeatureLimitExceeded,
    WindowClosed,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    PayloadTooLarge,
    UnsupportedMediaType,
    MessageSendFailed,
)
_SENT = {
    "message_id": "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
    "contact_id": 812,
    "phone": "442079460011",
    "message": "Hi Priya, your parcel is ready.",
    "status": "sent",
    "sent_at": "2026-03-04T09:15:22+00:00",
    "chat_id": 77,
    "chat_message_id": 9031,
}
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
RESULT_TEXTS = {
    "sent": "Message sent successfully",
    "queued": "Message queued; it will be sent as soon as possible",
    "unknown": "Message handed over, but WhatsApp did not confirm it yet; do not send it again",
}


def _response(kind: Any, description: str, message: str, data: Any, **meta: Any) -> ResponseSpec:
    return ResponseSpec(
        kind, description=description, generate_examples=False, examples=[example(message, data, **meta)]
    )


class SendText(Body, frozen=True):
    """A text message to a phone number or to a known contact."""

    message: Annotated[
        str,
        msgspec.Meta(
            max_length=MAX_LENGTH,
            description="The text; may hold merge fields such as @{contact_first_name}.",
        ),
    ]
    phone: (
        Annotated[
            str,
            msgspec.Meta(
                min_length=10,
                max_length=20,
                pattern=r"^[0-9+\-() ]+(?![\s\S])",
                description="Recipient with country code; may be left out when contact_id is given.",
            ),
        ]
        | None
    ) = None
    contact_id: Annotated[int, msgspec.Meta(ge=1, le=MAX_ID, description="An existing contact.")] | None = (
        None
    )

    messages: ClassVar[dict[tuple[str, str], str]] = {
        ("phone", "pattern"): "Phone number may contain only digits, +, -, spaces and parentheses",
        ("phone", "string"): "Phone number must be a string",
        ("phone", "min"): "Phone number must be at least 10 characters",
        ("phone", "max"): "Phone number must not be greater than 20 characters",
        ("message", "required"): "Message is required",
    }

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require a recipient."""
        return {} if given & {"phone", "contact_id"} else {"phone": ["Phone number is required"]}


class SentText(msgspec.Struct):
    """A text message as it stands when the request is answered."""

    message_id: str | None
    contact_id: int
    phone: str
    message: str
    status: str
    sent_at: str | None
    chat_id: int
    chat_message_id: int


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


SEND_TEXT = """Sends a text to a phone number; an unknown number becomes a contact. Outside the 24-hour service window
WhatsApp accepts free-form messages but does not deliver them.

The message is committed before WhatsApp is called. `status` is `sent`, `queued` (the worker sends it as soon as
possible) or `unknown` (WhatsApp did not answer: its callback will settle it; sending again could double it).

Optional headers: `Idempotency-Key` (same key and body: the first answer again, with `Idempotent-Replayed: true`, for 24
hours) and `Prefer: respond-async` (202, sent by the worker)."""

SEND_TEXT_RESPONSES = _SEND_ERRORS | {
    200: _response(Success[SentText], "The message.", RESULT_TEXTS["sent"], _SENT),
    202: _response(
        Success[SentText],
        "Accepted with `Prefer: respond-async`.",
        RESULT_TEXTS["queued"],
        _SENT | {"message_id": None, "status": "queued", "sent_at": None},
    ),
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
