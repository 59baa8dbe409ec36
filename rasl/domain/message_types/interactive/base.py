"""What interactive messages share: header, body, footer, and an action of their own."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import Content, TextRule, present

MAX_BODY = 1024
MAX_HEADER = 60
MAX_FOOTER = 60
HEADER_KINDS = frozenset({"image", "video", "document"})

_MERGED = "may hold merge fields such as @{contact_first_name}"
BodyText = Annotated[str, msgspec.Meta(max_length=MAX_BODY, description=f"The text; {_MERGED}.")]
HeaderText = Annotated[str, msgspec.Meta(max_length=MAX_HEADER, description=f"Above the text; {_MERGED}.")]
FooterText = Annotated[str, msgspec.Meta(max_length=MAX_FOOTER, description=f"Below the text; {_MERGED}.")]
ButtonText = Annotated[str, msgspec.Meta(max_length=20, description="What the button says.")]


class File(msgspec.Struct, frozen=True):
    """A file of ours, by our id, and what kind of media it is."""

    id: int
    kind: str

    def header(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the header that shows it."""
        return {"type": self.kind, self.kind: {"id": uploaded[self.id]}}


class Interactive(Content, frozen=True, kw_only=True, tag_field="kind"):
    """A message to be answered by a tap; stored with its kind, and named after it in the API."""

    body_text: str | None = None
    header_text: str | None = None
    header_file: File | None = None
    footer_text: str | None = None

    type_name: ClassVar[str] = "interactive"
    texts: ClassVar[Mapping[str, TextRule]] = {
        "header_text": TextRule(MAX_HEADER),
        "body_text": TextRule(MAX_BODY, is_required=True),
        "footer_text": TextRule(MAX_FOOTER),
    }
    graph_kind: ClassVar[str | None] = None  # where Meta has another name for it

    @property
    def kind(self) -> str:
        """Return what the API calls it."""
        return str(self.__struct_config__.tag)

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return what can be tapped."""
        raise NotImplementedError

    def preview(self) -> str:
        """Return the body."""
        return self.body_text or ""

    def media_ids(self) -> tuple[int, ...]:
        """Return the file of the header."""
        return (self.header_file.id,) if self.header_file else ()

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the interactive object."""
        header = None
        if self.header_file:
            header = self.header_file.header(uploaded)
        elif self.header_text:
            header = {"type": "text", "text": self.header_text}
        parts = present(
            type=self.graph_kind or self.kind,
            header=header,
            body={"text": self.body_text} if self.body_text else None,
            footer={"text": self.footer_text} if self.footer_text else None,
            action=self.action(uploaded),
        )
        return {"type": "interactive", "interactive": parts}
