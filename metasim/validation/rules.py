"""The checks every type is made of, with the wording Graph uses."""

from collections.abc import Collection
from typing import Any

from metasim.errors import invalid, refusal

Json = dict[str, Any]


def required_object(value: Any, path: str) -> Json:
    """A present JSON object."""
    if value is None:
        raise invalid(f"The parameter {path} is required.")
    if not isinstance(value, dict):
        raise invalid(f"Param {path} must be a JSON object.")
    return value


def required_list(value: Any, path: str) -> list[Any]:
    """A present, non-empty JSON array."""
    if value is None:
        raise invalid(f"The parameter {path} is required.")
    if not isinstance(value, list):
        raise invalid(f"Param {path} must be an array.")
    if not value:
        raise refusal(131009, f"Param {path} must not be empty.")
    return value


def required_text(value: Any, path: str, limit: int | None = None) -> str:
    """A present, non-empty string that is not too long."""
    if value is None or value == "":
        raise invalid(f"The parameter {path} is required.")
    return _text(value, path, limit)


def optional_text(value: Any, path: str, limit: int | None = None) -> str | None:
    """A string that is not too long, or nothing."""
    return None if value is None else _text(value, path, limit)


def _text(value: Any, path: str, limit: int | None) -> str:
    if not isinstance(value, str):
        raise invalid(f"Param {path} must be a string.")
    if limit is not None and len(value) > limit:
        raise invalid(f"Param {path} must be at most {limit} characters long.")
    return value


def sized(value: Any, what: str, most: int) -> str:
    """A string within the length Meta states as 131009."""
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        raise refusal(131009, f"{what} length invalid. Min length: 1, Max length: {most}")
    return value


def counted(values: list[Any], what: str, least: int, most: int) -> None:
    """A list within the size Meta states as 131009."""
    if not least <= len(values) <= most:
        raise refusal(
            131009, f"Invalid {what} count. Min allowed {what}: {least}, Max allowed {what}: {most}"
        )


def known_keys(content: Json, path: str, allowed: Collection[str]) -> None:
    """Refuse the first key Graph would not expect there."""
    for key in content:
        if key not in allowed:
            raise invalid(f'Unexpected key "{key}" on param "{path}".')


def optional_flag(value: Any, path: str) -> None:
    """A boolean, or what Graph takes for one, or nothing."""
    if value is not None and not isinstance(value, bool) and value not in {"true", "false", 0, 1}:
        raise invalid(f"Param {path} must be a boolean.")


def distinct(values: list[str], what: str) -> None:
    """Refuse the same value twice."""
    if len(set(values)) != len(values):
        raise refusal(131009, f"Duplicated {what} found.")
