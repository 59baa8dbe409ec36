"""POST /messages/{message_id}/read."""

from typing import Annotated

import msgspec
from litestar import post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.operations import Create
from rasl.api.v2.message_names import raw_name, read_name
from rasl.domain.validation import Body
from rasl.errors import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidJson,
    MessageSendFailed,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    UnsupportedMediaType,
    ValidationFailed,
    WhatsAppNotConfigured,
)
from rasl.services.composing.addressing import sending_number
from rasl.services.sending.read_receipts import mark_read
from rasl.web.envelope import Success, success
from rasl.web.request import ENDING, ApiRequest
from rasl.web.responses import example, raises

_ENDING = "/read"
_TEXT = "Message marked as read"


class MarkRead(Body, frozen=True):
    """How a message is marked as read."""

    typing_indicator: Annotated[
        bool, msgspec.Meta(description="Also show that an answer is being written, for up to 25 seconds.")
    ] = False


class ReadMessage(msgspec.Struct):
    """The message that was marked as read."""

    message_id: str
    contact_id: int | None
    chat_id: int
    chat_message_id: int
    typing_indicator: bool


_RESPONSES = raises(
    InvalidJson,
    ValidationFailed,
    WhatsAppNotConfigured,
    NotFound,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    PayloadTooLarge,
    UnsupportedMediaType,
    MessageSendFailed,
) | {
    200: ResponseSpec(
        Success[ReadMessage],
        description="The message that is read now.",
        generate_examples=False,
        examples=[
            example(
                _TEXT,
                ReadMessage("wamid.HBgMNDQyMDc5NDYwMDExFQIAEhgS", 812, 77, 9030, typing_indicator=True),
            )
        ],
    )
}


@post(
    "/messages/{message_id:path}",
    status_code=200,
    summary="Mark a message as read",
    description="""Shows the person the blue ticks on a received message, named by its id here or its wamid, and on all
messages before it; `typing_indicator` also shows that an answer is being written. The number that the message came in
on does it. WhatsApp takes this for 30 days after the message. Nothing is stored, and asking twice does no harm. A body
may be left out.""",
    operation_class=Create,
    responses=_RESPONSES,
    tags=["Messages"],
    opt={ENDING: _ENDING},
)
async def mark_message_read(
    message_id: FromPath[str],  # noqa: ARG001 - for the route and its document
    data: JSONBody[MarkRead],
    caller: MaySendMessages,
    request: ApiRequest,
) -> ASGIApp:
    """Mark a received message as read."""
    raw, ending, rest = raw_name(request).rpartition(_ENDING.encode())
    if not ending or rest.strip(b"/"):
        raise MethodNotAllowed
    sending_number(caller.tenant)  # who has none is told so, whatever the message
    row = await mark_read(
        request.resources, caller.tenant.id, read_name(raw), is_typing=data.typing_indicator
    )
    read = ReadMessage(
        message_id=row["wamid"],
        contact_id=row["contact_id"],
        chat_id=row["conversation_id"],
        chat_message_id=row["id"],
        typing_indicator=data.typing_indicator,
    )
    return success(request, _TEXT, read)


HANDLERS = (mark_message_read,)
