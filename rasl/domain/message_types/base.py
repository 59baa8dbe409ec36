"""What every message type provides; most need only their fields, `preview` and `graph_fields`."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple, Self

import msgspec

from rasl.domain import merge_fields
from rasl.errors import ValidationFailed


class TextRule(NamedTuple):
    """What a text must still keep to when its merge fields are filled, in code points as Meta counts."""

    limit: int
    is_required: bool = False


class Content(msgspec.Struct, frozen=True):
    """What one message says, already validated."""

    type_name: ClassVar[str]
    # The 24-hour service window applies to everything but templates.
    needs_window: ClassVar[bool] = True
    # The texts that may hold merge fields, by the name they have here and in the API.
    texts: ClassVar[Mapping[str, TextRule]] = {}

    def needs_rendering(self) -> bool:
        """Tell whether any text holds a merge field."""
        return any(merge_fields.has_fields(getattr(self, name) or "") for name in self.texts)

    def rendered(self, values: Mapping[str, str | None]) -> Self:
        """Replace merge fields; raises ValidationFailed when the result breaks a limit."""
        filled, problems = fill_texts(self, self.texts, values)
        if problems:
            raise ValidationFailed(problems)
        return msgspec.structs.replace(self, **filled)

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

    def valid_for(self) -> dt.timedelta | None:
        """Return how long after it was accepted the message still makes sense, None when there is no end."""
        return None

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the type-specific part of the Graph payload, `type` included; `uploaded` has Meta's ids of files."""
        raise NotImplementedError


def fill_texts(
    holder: msgspec.Struct,
    rules: Mapping[str, TextRule],
    values: Mapping[str, str | None],
    path: str = "",
) -> tuple[dict[str, str | None], dict[str, list[str]]]:
    """Return the texts that hold merge fields, filled, and what is wrong with them now, under `path` and their names.

    A text that need not be there, and that is blank once it is filled, is left out.
    """
    filled: dict[str, str | None] = {}
    problems: dict[str, list[str]] = {}
    for name, rule in rules.items():
        text = getattr(holder, name)
        if text is None or not merge_fields.has_fields(text):
            continue
        merged = merge_fields.render(text, values)
        field = path + name
        filled[name] = merged if merged.strip() else None
        if problem := merge_fields.problem(text, values):
            problems[field] = [problem]
        elif len(merged) > rule.limit:
            problems[field] = [f"The {field} must not be greater than {rule.limit} characters after merging"]
        elif filled[name] is None and rule.is_required:
            problems[field] = [f"The {field} is empty after merging"]
    return filled, problems


def present(**fields: Any) -> dict[str, Any]:
    """Return the fields that have a value: what is left out of a payload is absent there, never null."""
    return {name: value for name, value in fields.items() if value is not None}
