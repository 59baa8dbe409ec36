"""Text messages: up to 4,096 characters, links previewed (cloud-api section 2.3)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from rasl.domain.message_types.base import Content, TextRule

MAX_LENGTH = 4096


class Text(Content, frozen=True):
    """A text message."""

    message: str

    type_name: ClassVar[str] = "text"
    texts: ClassVar[Mapping[str, TextRule]] = {"message": TextRule(MAX_LENGTH, is_required=True)}

    def preview(self) -> str:
        """Return all of it."""
        return self.message

    def extra(self) -> None:
        """Return nothing: the preview is the whole message."""

    @classmethod
    def load(cls, text: str | None, extra: Any) -> Self:  # noqa: ARG003 - one signature for all types
        """Rebuild from the stored body."""
        return cls(text or "")

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a text has no files
        """Return the text object; previews only when there is a link to preview."""
        has_link = "http://" in self.message or "https://" in self.message
        return {"type": "text", "text": {"body": self.message, "preview_url": has_link}}
