"""Reactions: one emoji on a message of the conversation (cloud-api section 2.3)."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

from rasl.domain.message_types.base import Content

MAX_AGE = dt.timedelta(days=30)


class Reaction(Content, frozen=True):
    """An emoji on the message with this wamid; an empty one takes the reaction back."""

    message_id: str
    emoji: str

    type_name: ClassVar[str] = "reaction"

    def preview(self) -> str:
        """Return the emoji."""
        return self.emoji

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - an emoji has no files
        """Return the reaction object."""
        return {"type": "reaction", "reaction": {"message_id": self.message_id, "emoji": self.emoji}}


def why_not(target_type: str, age: dt.timedelta) -> str | None:
    """Return why a message cannot be reacted to, or None: Meta would accept it and report a failure later."""
    if target_type == "reaction":
        return "A reaction cannot be reacted to"
    if age > MAX_AGE:
        return f"A message can be reacted to for {MAX_AGE.days} days"
    return None
