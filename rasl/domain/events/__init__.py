"""Public events: what happened, who wants to hear of it, and how it is told. Documented in `docs/events.md`."""

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

EVERYTHING = "*"


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened; of several of a type with the same `once` only the first is kept."""

    type: str
    id: int | str | None  # of what it is about
    attributes: Mapping[str, Any]  # what it is about, as it is now; when it is gone, as it was
    previous: Mapping[str, Any] | None = None  # of a change: the attributes that were otherwise, as they were
    relationships: Mapping[str, Any] = {}
    original: str | None = None  # what Meta posted, as it stood there
    once: str | None = None


def patterns_of(type_: str) -> list[str]:
    """Return what whoever wants events of this type may have written: the type, all of its noun, or everything."""
    return [EVERYTHING, f"{type_.partition('.')[0]}.*", type_]


def matches(patterns: Collection[str], type_: str) -> bool:
    """Tell whether patterns cover a type."""
    return any(pattern in patterns for pattern in patterns_of(type_))
