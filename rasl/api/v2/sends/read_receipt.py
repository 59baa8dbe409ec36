"""POST /messages/{message_id}/read."""

from typing import Annotated

import msgspec
from litestar.params import FromPath, JSONBody

from rasl.api.caller import MaySendMessages
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import IDEMPOTENCY_KEY, operation
from rasl.api.v2.message_names import raw_name, read_name
from rasl.api.v2.sends.documented import MESSAGES_TAG
from rasl.domain.validation import Body
from rasl.errors import MessageSendFailed, NotFound, WhatsAppNotConfigured
from rasl.services.composing.addressing import sending_number
from rasl.services.sending.read_receipts import mark_read
from rasl.web.request import ENDING, ApiRequest

_ENDING = "/read"


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


READS = Noun(
    "/messages",
    MESSAGES_TAG,
    "message",
    ReadMessage,
    ReadMessage("wamid.HBgMNDQyMDc5NDYwMDExFQIAEhgS", 812, 77, 9030, typing_indicator=True),
)


@READS.post(
    "/{message_id:path}",
    200,
    WhatsAppNotConfigured,
    NotFound,
    MessageSendFailed,
    stores=False,
    operation=operation(IDEMPOTENCY_KEY),
    says="Message marked as read",
    tells="The message that is read now.",
    asks={"read": {}, "read_and_answering": {"typing_indicator": True}},
    options={"opt": {ENDING: _ENDING}},
)
async def mark_message_read(
    message_id: FromPath[str],  # noqa: ARG001 - for the route and its document
    data: JSONBody[MarkRead],
    caller: MaySendMessages,
    request: ApiRequest,
) -> ReadMessage:
    """Mark a message as read.

    Shows the person the blue ticks on a received message, named by its id here or its wamid, and on all
    messages before it; `typing_indicator` also shows that an answer is being written. The number that the message came
    in on does it. WhatsApp takes this for 30 days after the message. Nothing is stored, and asking twice does no harm.
    A body may be left out.
    """
    raw = raw_name(request).rstrip(b"/").removesuffix(_ENDING.encode())
    sending_number(caller.tenant)  # who has none is told so, whatever the message
    row = await mark_read(
        request.resources, caller.tenant.id, read_name(raw), is_typing=data.typing_indicator
    )
    return from_row(
        ReadMessage,
        row,
        message_id=row["wamid"],
        chat_id=row["conversation_id"],
        chat_message_id=row["id"],
        typing_indicator=data.typing_indicator,
    )
