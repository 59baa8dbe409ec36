"""A list of up to ten choices, opened by one button."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.base import present
from rasl.domain.message_types.interactive.base import ButtonText, Titled
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, at_most_in_all, distinct

MAX_SECTIONS = 10
MAX_ROWS = 10
MAX_TITLE = 24
SectionTitle = Annotated[str, msgspec.Meta(max_length=MAX_TITLE)]


class ListRow(Body, frozen=True):
    """A choice; its id comes back when it is taken."""

    id: Annotated[str, msgspec.Meta(max_length=200, description="Comes back when the row is chosen.")]
    title: Annotated[str, msgspec.Meta(max_length=MAX_TITLE)]
    description: Annotated[str, msgspec.Meta(max_length=72)] | None = None


class ListSection(Body, frozen=True):
    """Choices under one title."""

    title: SectionTitle
    rows: Annotated[list[ListRow], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]


Sections = Annotated[list[ListSection], msgspec.Meta(min_length=1, max_length=MAX_SECTIONS)]


class List(Titled, frozen=True, kw_only=True, tag="list"):
    """Up to ten choices behind one button."""

    list_button_text: ButtonText
    sections: Sections

    rules: ClassVar[tuple[Rule, ...]] = (
        at_most_in_all("sections", "sections.*.rows.*", MAX_ROWS, "rows"),
        distinct("sections.*.rows.*.id"),
    )

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - rows have no files
        """Return the button and the choices."""
        sections = [
            {"title": section.title, "rows": [present(**msgspec.to_builtins(row)) for row in section.rows]}
            for section in self.sections
        ]
        return {"button": self.list_button_text, "sections": sections}
