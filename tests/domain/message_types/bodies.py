"""Bodies as clients send them, and what comes of them without any network or database."""

from typing import Any

import msgspec
import pytest

from rasl.domain import message_types
from rasl.domain.message_types.base import Content
from rasl.domain.validation import read
from rasl.errors import ValidationFailed

TO = {"phone": "+44 20 7946 0011"}


def body_of(body_type: Any, **fields: Any) -> Any:
    """Read a body that is right, sent to somebody."""
    return read(body_type, msgspec.json.encode(TO | fields))


def problems_of(body_type: Any, **fields: Any) -> dict[str, list[str]]:
    """Return what is wrong with a body sent to somebody."""
    with pytest.raises(ValidationFailed) as caught:
        read(body_type, msgspec.json.encode(TO | fields), is_strict=True)
    return caught.value.details


def reloaded(content: Content) -> Content:
    """Return a content after the database had it: its extra is JSON there."""
    stored = msgspec.json.decode(msgspec.json.encode(content.extra()))
    return message_types.load(content.type_name, content.preview(), stored)
