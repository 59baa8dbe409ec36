"""Reading Meta's JSON so that every value of it can be stored and shown again: the one place where this is seen to.

PostgreSQL takes no NUL, half a surrogate pair is no UTF-8, a value nested a thousand times exhausts whoever reads it,
and a number beyond 64 bits comes out of `jsonb` as an integer that no encoder of ours writes.
"""

import json
import math
import re
from typing import Any

import msgspec

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_NUL = b"\\u0000"
_DEEPEST = 100
_END = 2**63
_NEITHER = (math.inf, -math.inf)


class NotJsonError(ValueError):
    """The bytes are no JSON at all."""


def decode(raw: bytes | msgspec.Raw) -> Any:
    """Return the value of JSON text, made storable; raises NotJsonError."""
    text = bytes(raw)
    try:
        value = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        # A text cut in the middle of an emoji is refused there and read here.
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise NotJsonError("The body is no JSON") from error
        return storable(value)
    # Nearly all there is is storable as it is; looking costs a tenth of rewriting it.
    is_plain = (
        _NUL not in text and text.count(b"{") + text.count(b"[") <= _DEEPEST and _has_small_numbers(value)
    )
    return value if is_plain else storable(value)


def storable(value: Any, depth: int = 0) -> Any:
    """Return a copy of a JSON value.

    Characters are replaced by U+FFFD, large numbers by texts, what is nested too deep by None.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, int | float):
        return _number(value)
    if depth >= _DEEPEST or not isinstance(value, list | dict):
        return None
    if isinstance(value, list):
        return [storable(item, depth + 1) for item in value]
    return {storable(key): storable(item, depth + 1) for key, item in value.items()}


def _number(value: float) -> float | str | None:
    if -_END <= value < _END:
        return value
    return str(value) if value not in _NEITHER and value == value else None  # noqa: PLR0124 - NaN alone differs


def _has_small_numbers(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        kind = type(item)
        if kind is dict:
            waiting += item.values()
        elif kind is list:
            waiting += item
        elif (kind is int or kind is float) and not -_END <= item < _END:
            return False
    return True
