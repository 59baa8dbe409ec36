"""The lengths and shapes every part of a template shares."""

from typing import Any

from metasim.errors import template_refusal

Json = dict[str, Any]

INVALID = "Message template is invalid"


def text_of(part: Json, key: str, place: str, most: int) -> str:
    """A present string of at most `most` characters."""
    value = part.get(key)
    if not isinstance(value, str) or not value:
        raise missing(place, key)
    if len(value) > most:
        raise template_refusal(
            "Character Limit Exceeded", f"The {place} {key} must be at most {most} characters long.", 2388040
        )
    return value


def missing(place: str, *fields: str) -> Exception:
    """A component lacks something."""
    return template_refusal(
        'Message template "components" param is missing expected field(s)',
        f"component of type {place} is missing expected field(s) ({', '.join(fields)})",
        2388043,
    )


def wrong(message: str) -> Exception:
    """Something about a template that has no subcode anybody reported."""
    return template_refusal(INVALID, message)


def objects(value: Any, name: str) -> list[Json]:
    """A non-empty list of objects."""
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise wrong(f"{name} must be a list of objects.")
    return value


def upper(value: Any) -> str:
    """A type or format as it is read back."""
    return str(value or "").upper()
