"""Text messages: up to 4,096 characters, links previewed (cloud-api section 2.3)."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

from rasl.domain import merge_fields
from rasl.domain.message_types.base import Content
from rasl.errors import ValidationFailed

MAX_LENGTH = 4096


class Text(Content, frozen=True):
    """A text message."""

    body: str

    type_name: ClassVar[str] = "text"

    def needs_rendering(self) -> bool:
        """Tell whether the body holds a merge field."""
        return merge_fields.has_fields(self.body)

    def rendered(self, values: Mapping[str, str | None]) -> Self:
        """Replace merge fields; raises ValidationFailed when one is none, or the result is too long or empty."""
        if problem := merge_fields.problem(self.body, values):
            raise ValidationFailed({"message": [problem]})
        body = merge_fields.render(self.body, values)
        if len(body) > MAX_LENGTH:
            raise ValidationFailed(
                {"message": [f"The message must not be greater than {MAX_LENGTH} characters after merging"]}
            )
        if not body.strip():
            raise ValidationFailed({"message": ["The message is empty after merging"]})
        return type(self)(body)

    def preview(self) -> str:
        """Return the body."""
        return self.body

    def extra(self) -> None:
        """Need nothing besides the body."""

    @classmethod
    def load(cls, text: str | None, extra: Any) -> Self:  # noqa: ARG003 - one signature for all types
        """Rebuild from the stored body."""
        return cls(text or "")

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a text has no files
        """Return the text object; previews only when there is a link to preview."""
        has_link = "http://" in self.body or "https://" in self.body
        return {"type": "text", "text": {"body": self.body, "preview_url": has_link}}
