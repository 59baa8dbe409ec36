"""One button that opens a web page."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.interactive.base import ButtonText, Headed

ButtonUrl = Annotated[
    str,
    msgspec.Meta(
        max_length=2000,
        pattern=r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#]+[^\s]*(?![\s\S])",
        description="The page it opens: http:// or https://.",
    ),
]
NOT_A_LINK = "The button_url must be a link that starts with http:// or https://"


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
