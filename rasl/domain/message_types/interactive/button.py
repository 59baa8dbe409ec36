"""Up to three buttons that answer for the recipient."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec

from rasl.domain.message_types.interactive.base import ButtonText, Headed
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, distinct

MAX_BUTTONS = 3


class ReplyButton(Body, frozen=True):
    """A button; its id comes back when it is tapped."""

    id: Annotated[str, msgspec.Meta(max_length=256, description="Comes back when the button is tapped.")]
    title: ButtonText


ReplyButtons = Annotated[list[ReplyButton], msgspec.Meta(min_length=1, max_length=MAX_BUTTONS)]


class Buttons(Headed, frozen=True, kw_only=True, tag="button"):
    """Up to three buttons that answer for the recipient."""

    buttons: ReplyButtons

    rules: ClassVar[tuple[Rule, ...]] = (distinct("buttons.*.id"), distinct("buttons.*.title"))

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - buttons have no files
        """Return the buttons."""
        replies = msgspec.to_builtins(self.buttons)
        return {"buttons": [{"type": "reply", "reply": reply} for reply in replies]}
