"""What a linter found: problems, which Meta refuses, and warnings, which its reviewers may."""

from typing import Any

import msgspec

Json = dict[str, Any]


class Report(msgspec.Struct):
    """Findings by field; the paths are those of the submitted template."""

    problems: dict[str, list[str]] = {}
    warnings: dict[str, list[str]] = {}

    def problem(self, field: str, text: str) -> None:
        """Note what Meta refuses."""
        self.problems.setdefault(field, []).append(text)

    def warning(self, field: str, text: str) -> None:
        """Note what may fail in review."""
        self.warnings.setdefault(field, []).append(text)

    def text(self, holder: Json, path: str, name: str, most: int, *, is_required: bool = True) -> str | None:
        """Return a text of a holder; says so when it is missing, no text, or too long (in code points)."""
        value = holder.get(name)
        field = f"{path}.{name}"
        if value is None and not is_required:
            return None
        if not isinstance(value, str) or not value.strip():
            self.problem(field, "is required")
            return None
        if len(value) > most:
            self.problem(field, f"must not be greater than {most} characters, it has {len(value)}")
        return value


def items(value: object) -> list[Json] | None:
    """Return a list of objects, None when the value is anything else."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        return None
    return value
