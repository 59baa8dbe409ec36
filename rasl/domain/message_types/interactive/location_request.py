"""A button that asks for the recipient's place."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rasl.domain.message_types.interactive.base import Interactive


class LocationRequest(Interactive, frozen=True, kw_only=True, tag="location_request"):
    """A button that asks for the recipient's place."""

    graph_kind: ClassVar[str | None] = "location_request_message"

    def action(self, uploaded: Mapping[int, str]) -> dict[str, Any]:  # noqa: ARG002 - a button has no files
        """Return the button."""
        return {"name": "send_location"}
