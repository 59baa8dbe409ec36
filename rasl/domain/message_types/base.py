"""What every message type provides."""

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self


class Content(Protocol):
    """What one message says, already validated; immutable."""

    type_name: ClassVar[str]

    def rendered(self, values: Mapping[str, str | None]) -> Self:
        """Replace merge fields; raises ValidationFailed when the result breaks a limit."""

    def needs_rendering(self) -> bool:
        """Tell whether any text holds a merge field."""

    def preview(self) -> str:
        """Return the text shown in lists."""

    def extra(self) -> Any:
        """Return what the preview alone cannot restore, as JSON data, or None."""

    @classmethod
    def load(cls, text: str | None, extra: Any) -> Self:
        """Rebuild the content from its preview and extra."""

    def graph_fields(self) -> dict[str, Any]:
        """Return the type-specific part of the Graph payload, `type` included."""

    @property
    def needs_window(self) -> bool:
        """Whether the 24-hour service window applies: to everything but templates."""
