"""POST /messages/text (api-v2 section 3.1)."""

from typing import Annotated, ClassVar

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.message_types.text import MAX_LENGTH, Text
from rasl.web.request import ApiRequest


class SendText(Recipient, frozen=True, kw_only=True):
    """A text message to a phone number or to a known contact."""

    message: Annotated[
        str,
        msgspec.Meta(
            max_length=MAX_LENGTH,
            description="The text; may hold merge fields such as @{contact_first_name}.",
            extra={"verbatim": True},
        ),
    ]

    messages: ClassVar[dict[tuple[str, str], str]] = Recipient.messages | {
        ("message", "required"): "Message is required",
    }


class SentText(Sent):
    """A text message as it stands when the request is answered."""

    message: str


@sends(
    "/messages/text",
    SentText,
    {"message": "Hi Priya, your parcel is ready."},
    examples={
        "text": {"phone": "+442079460011", "message": "Hi @{contact_first_name}, your parcel is ready."},
        "answer": {"contact_id": 812, "message": "It is at our shop.", "context": {"message_id": 9030}},
        "dry_run": {"phone": "+442079460011", "message": "Hello!", "dry_run": True},
    },
)
async def send_text(data: JSONBody[SendText], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a text message.

    Sends a text to a phone number; an unknown number becomes a contact. Outside the 24-hour service
    window WhatsApp accepts free-form messages but does not deliver them.
    """
    return await send(request, caller, data, Text(data.message))
