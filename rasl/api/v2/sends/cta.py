"""POST /messages/cta (api-v2 section 18, row 8): the interactive message of the kind `cta_url`, by names of its own."""

from typing import Annotated, Any, ClassVar

import msgspec
from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.recipient import Recipient
from rasl.domain.message_types.interactive.base import MAX_BODY, MAX_BUTTON_TEXT, FooterText, HeaderText
from rasl.domain.message_types.interactive.cta_url import NOT_A_LINK, ButtonUrl, LinkButton, label
from rasl.errors import ValidationFailed
from rasl.web.request import ApiRequest

MAX_GIVEN = 25
_SAID = {
    "message": "Hi @{contact_first_name}, your parcel is on its way.",
    "button_text": "Track it",
    "button_url": "https://shop.example.test/parcels/A-1044",
    "header_text": "Your parcel",
    "footer_text": "Harbour Books",
}


class SendCta(Recipient, frozen=True, kw_only=True):
    """A text with a button that opens a web page, to a phone number or to a known contact."""

    message: Annotated[
        str,
        msgspec.Meta(
            max_length=MAX_BODY,
            description="The text; may hold merge fields such as @{contact_first_name}.",
            extra={"verbatim": True},
        ),
    ]
    button_text: Annotated[
        str,
        msgspec.Meta(
            max_length=MAX_GIVEN,
            description=f"What the button says. WhatsApp shows {MAX_BUTTON_TEXT} characters: a longer one is "
            "shortened, and the answer tells how; `Prefer: handling=strict` refuses it instead.",
        ),
    ]
    button_url: ButtonUrl
    header_text: HeaderText | None = None
    footer_text: FooterText | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = Recipient.messages | {
        ("message", "required"): "Message is required",
        ("button_url", "pattern"): NOT_A_LINK,
    }

    def content(self) -> LinkButton:
        """Return what the message says."""
        return LinkButton(
            body_text=self.message,
            button_text=label(self.button_text),
            button_url=self.button_url,
            header_text=self.header_text,
            footer_text=self.footer_text,
        )


class SentCta(Sent):
    """A text with a button as it stands when the request is answered; `button_text` is as WhatsApp got it."""

    message: str
    button_text: str
    button_url: str
    header_text: str | None
    footer_text: str | None


@sends("/messages/cta", SentCta, _SAID, examples={"link": {"phone": "+44 20 7946 0011", **_SAID}})
async def send_cta(data: JSONBody[SendCta], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a text with a link button.

    Sends a text with one button that opens a web page: the same message as `/messages/interactive` sends with the
    `type` `cta_url`, by other names.
    """
    if request.context.is_strict and len(data.button_text) > MAX_BUTTON_TEXT:
        problem = f"WhatsApp takes at most {MAX_BUTTON_TEXT} characters on a button that opens a page"
        raise ValidationFailed({"button_text": [problem]})
    return await send(request, caller, data, data.content(), _described)


def _described(content: LinkButton) -> dict[str, Any]:
    return {
        "message": content.body_text,
        "button_text": content.button_text,
        "button_url": content.button_url,
        "header_text": content.header_text,
        "footer_text": content.footer_text,
    }
