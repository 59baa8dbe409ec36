"""Taking values out of JSON of any shape: what is missing or odd is None or empty, and nothing ever raises."""

import contextlib
import re
from datetime import UTC, datetime
from typing import Any

from rasl.domain.phone import is_bsuid
from rasl.graph.errors import GraphFailure, failure_from_error

# Ids are keys of indexes, whose entries have a limit; Meta's longest have about a hundred characters.
LONGEST_ID = 255
_PHONE = re.compile(r"\+?([0-9]{4,20})")
_FIRST_MILLISECONDS = 10**12


def text_in(value: Any, key: str) -> str | None:
    """Return a text, also where Meta wrote it as a number; an empty one says as much as none."""
    item = value.get(key) if isinstance(value, dict) else None
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    return item if isinstance(item, str) and item else None


def id_in(value: Any, key: str) -> str | None:
    """Return a text that may be a key; a longer one is none of Meta's."""
    text = text_in(value, key)
    return text if text is not None and len(text) <= LONGEST_ID else None


def object_in(value: Any, key: str) -> dict[str, Any] | None:
    """Return an object."""
    item = value.get(key) if isinstance(value, dict) else None
    return item if isinstance(item, dict) else None


def list_in(value: Any, key: str) -> list[Any]:
    """Return a list, empty if there is none."""
    item = value.get(key) if isinstance(value, dict) else None
    return item if isinstance(item, list) else []


def moment(value: object) -> datetime | None:
    """Return the time of a Unix timestamp in seconds, or in milliseconds if it is that large."""
    with contextlib.suppress(ValueError, TypeError, OverflowError, OSError):
        number = int(value)  # type: ignore[call-overload]
        return datetime.fromtimestamp(number / 1000 if number >= _FIRST_MILLISECONDS else number, UTC)
    return None


def phone_digits(text: str | None) -> str | None:
    """Return the digits if the text is a phone number as Meta writes it."""
    match = _PHONE.fullmatch(text) if text else None
    return match[1] if match else None


def bsuid(text: str | None) -> str | None:
    """Return the text if it is a business-scoped user id, which Meta also puts where phones belong."""
    return text if text and is_bsuid(text) else None


def failures(errors: Any) -> tuple[GraphFailure, ...]:
    """Return the errors of a status, a message or a value."""
    if not isinstance(errors, list):
        return ()
    return tuple(failure_from_error(error) for error in errors if isinstance(error, dict))
