"""What every message type provides; most need only their fields, `preview` and `graph_fields`."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import msgspec


class Content(msgspec.Struct, frozen=True):
    """What one message says, already validated."""

    type_name: ClassVar[str]
    # The 24-hour service window applies to everything but templates.
    needs_window: ClassVar[bool] = True

    def needs_rendering(self) -> bool:
        """Tell whether any text holds a merge field."""
        return False

    def rendered(self, values: Mapping[str, str | None]) -> Self:  # noqa: ARG002 - types without texts have no use
        """Replace merge fields; raises ValidationFailed when the result breaks a limit."""
        return self

    def preview(self) -> str:
        """Return the text shown in lists."""
        raise NotImplementedError

    def extra(self) -> Any:
        """Return what the preview alone cannot restore, as JSON data, or None."""
        return msgspec.to_builtins(self)

    @classmethod
    def load(cls, text: str | None, extra: Any) -> Self:  # noqa: ARG003 - some types are kept as their text
        """Rebuild the content from its preview and extra."""
        return msgspec.convert(extra, cls)

    def media_ids(self) -> tuple[int, ...]:
        """Return our ids of the files that Meta must have before it can take the message."""
        return ()

    def sealed(self) -> bytes | None:
        """Return what the message holds encrypted, such as a one-time code, if anything."""
        return None

    def opened(self, secret: str) -> Self:  # noqa: ARG002 - few types have secrets
        """Return the content with what was sealed in the clear, for one call to Graph."""
        return self

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the type-specific part of the Graph payload, `type` included; `uploaded` has Meta's ids of files."""
        raise NotImplementedError
