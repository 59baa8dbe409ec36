"""One button that opens a web page."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.interactive.base import MAX_BUTTON_TEXT, ButtonText, Headed

ButtonUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2048,
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#]+[^\s]*(?![\s\S])",
        description="The page it opens: http:// or https://.",
    ),
]
NOT_A_LINK = "The button_url must be a link that starts with http:// or https://"


def label(text: str) -> str:
    """Return what a button can say: WhatsApp refuses more, so a longer text ends in an ellipsis."""
    return text if len(text) <= MAX_BUTTON_TEXT else text[: MAX_BUTTON_TEXT - 1].rstrip() + "…"


def link_action(text: str, url: str) -> dict[str, Any]:
    """Return the action of a button that opens a page."""
    return {"name": "cta_url", "parameters": {"display_text": text, "url": url}}


class LinkButton(Headed, frozen=True, kw_only=True, tag="cta_url"):
    """One button that opens a web page."""

    button_text: ButtonText
    button_url: ButtonUrl

    messages: ClassVar[Mapping[tuple[str, str], str]] = {("button_url", "pattern"): NOT_A_LINK}

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a link has no files
        """Return the link."""
        return link_action(self.button_text, self.button_url)
