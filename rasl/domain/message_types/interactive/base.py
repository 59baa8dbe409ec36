"""What interactive messages share: header, body, footer, and an action of their own."""

from collections.abc import Mapping, Set
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import Content, TextRule, present
from rasl.domain.validation import MAX_ID
from rasl.domain.validation.rules import Rule

MAX_BODY = 1024
MAX_HEADER = 60
MAX_FOOTER = 60
MAX_BUTTON_TEXT = 20
HEADER_KINDS = frozenset({"image", "video", "document"})

_MERGED = "may hold merge fields such as @{contact_first_name}"
BodyText = Annotated[
    str, msgspec.Meta(max_length=MAX_BODY, description=f"The text; {_MERGED}.", extra={"verbatim": True})
]
HeaderText = Annotated[str, msgspec.Meta(max_length=MAX_HEADER, description=f"Above the text; {_MERGED}.")]
FooterText = Annotated[str, msgspec.Meta(max_length=MAX_FOOTER, description=f"Below the text; {_MERGED}.")]
HeaderMediaId = Annotated[
    int,
    msgspec.Meta(ge=1, le=MAX_ID, description="An image, video or document instead of `header_text`."),
]
ButtonText = Annotated[str, msgspec.Meta(max_length=MAX_BUTTON_TEXT, description="What the button says.")]


class File(msgspec.Struct, frozen=True):
    """A file of ours, by our id, and what kind of media it is."""

    id: int
    kind: str

    def header(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the header that shows it."""
        return {"type": self.kind, self.kind: {"id": uploaded[self.id]}}


class Interactive(Content, frozen=True, kw_only=True, tag_field="kind"):
    """A message to be answered by a tap; stored with its kind, and named after it in the API.

    Its fields are those of a request, too, with their limits; only files are told otherwise there.
    """

    body_text: BodyText

    type_name: ClassVar[str] = "interactive"
    texts: ClassVar[Mapping[str, TextRule]] = {"body_text": TextRule(MAX_BODY, is_required=True)}
    graph_kind: ClassVar[str | None] = None  # where Meta has another name for it
    # What a request has in place of a field, by name and type: it names a file by our id, and what kind of file that is
    # stands in the database.
    asked: ClassVar[Mapping[str, tuple[str, Any]]] = {}
    media_kinds: ClassVar[frozenset[str]] = HEADER_KINDS
    # As of a Body, for the request.
    messages: ClassVar[Mapping[tuple[str, str], str]] = {}
    rules: ClassVar[tuple[Rule, ...]] = ()

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:  # noqa: ARG003 - most need no such rule
        """Return what is wrong with a request because of which other fields are given or not."""
        return {}

    @property
    def kind(self) -> str:
        """Return what the API calls it."""
        return str(self.__struct_config__.tag)

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return what can be tapped."""
        raise NotImplementedError

    def header(self, uploaded: Mapping[int, str]) -> dict[str, Any] | None:
        """Return what stands above the text."""

    def footer(self) -> dict[str, Any] | None:
        """Return what stands below the text."""

    def preview(self) -> str:
        """Return the body."""
        return self.body_text or ""

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the interactive object."""
        parts = present(
            type=self.graph_kind or self.kind,
            header=self.header(uploaded),
            body={"text": self.body_text} if self.body_text else None,
            footer=self.footer(),
            action=self.action(uploaded),
        )
        return {"type": "interactive", "interactive": parts}


class Footed(Interactive, frozen=True, kw_only=True):
    """A kind with a line below the text."""

    footer_text: FooterText | None = None

    texts: ClassVar[Mapping[str, TextRule]] = {**Interactive.texts, "footer_text": TextRule(MAX_FOOTER)}

    def footer(self) -> dict[str, Any] | None:
        """Return the line."""
        return {"text": self.footer_text} if self.footer_text else None


class Titled(Footed, frozen=True, kw_only=True):
    """A kind with a line above the text, too."""

    header_text: HeaderText | None = None

    texts: ClassVar[Mapping[str, TextRule]] = {"header_text": TextRule(MAX_HEADER), **Footed.texts}

    def header(self, uploaded: Mapping[int, str]) -> dict[str, Any] | None:  # noqa: ARG002 - a text is no file
        """Return the line."""
        return {"type": "text", "text": self.header_text} if self.header_text else None


class Headed(Titled, frozen=True, kw_only=True):
    """A kind whose header is a text or a file."""

    header_file: File | None = None

    asked: ClassVar[Mapping[str, tuple[str, Any]]] = {
        "header_file": ("header_media_id", HeaderMediaId | None)
    }

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Allow one header."""
        if {"header_text", "header_media_id"} <= given:
            return {"header_media_id": ["The header_media_id field must not be given beside header_text"]}
        return {}

    def media_ids(self) -> tuple[int, ...]:
        """Return the file of the header."""
        return (self.header_file.id,) if self.header_file else ()

    def header(self, uploaded: Mapping[int, str]) -> dict[str, Any] | None:
        """Return the file, or else the line."""
        return self.header_file.header(uploaded) if self.header_file else super().header(uploaded)
