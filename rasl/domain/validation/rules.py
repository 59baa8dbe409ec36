"""Rules between several values of a body, as functions over the JSON data itself.

They also run over bodies that are wrong elsewhere, so that everything is named at once: whatever has another shape
than they expect is passed over, because something else has complained about it already. A pattern names places in the
data, `*` standing for every item of a list: `sections.*.rows.*.id`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Rule = Callable[[Mapping[str, Any]], Iterator[tuple[str, str]]]
"""Yields the path of each value that is wrong, with what is wrong about it."""


def values_at(data: Any, pattern: str) -> Iterator[tuple[str, Any]]:
    """Yield every value at the places a pattern names, with its path."""
    found: list[tuple[str, Any]] = [("", data)]
    for step in pattern.split("."):
        found = [below for path, value in found for below in _steps(path, value, step)]
    yield from found


def _steps(path: str, value: Any, step: str) -> Iterator[tuple[str, Any]]:
    start = f"{path}." if path else ""
    if step == "*" and isinstance(value, list):
        yield from ((f"{start}{index}", item) for index, item in enumerate(value))
    elif isinstance(value, dict) and step in value:
        yield f"{start}{step}", value[step]


def distinct(pattern: str, within: str | None = None) -> Rule:
    """Refuse a text that another place of the pattern has already, or another one within the same object."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for start, part in values_at(data, within) if within else (("", data),):
            seen: set[str] = set()
            for below, value in values_at(part, pattern):
                path = f"{start}.{below}" if start else below
                if isinstance(value, str) and value in seen:
                    yield path, f"The {path} field has a duplicate value"
                elif isinstance(value, str):
                    seen.add(value)

    return check


def at_most_in_all(field: str, pattern: str, most: int, noun: str) -> Rule:
    """Limit how many values there are in all lists together."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        count = sum(1 for _ in values_at(data, pattern))
        if count > most:
            yield field, f"The {field} field must not have more than {most} {noun} in all, not {count}"

    return check


def required_beside_others(field: str, name: str) -> Rule:
    """Require something of every item of a list that has more than one."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        items = data.get(field)
        if not isinstance(items, list) or len(items) < 2:
            return
        for index, item in enumerate(items):
            if isinstance(item, dict) and not str(item.get(name) or "").strip():
                path = f"{field}.{index}.{name}"
                yield path, f"The {path} field is required when there is more than one of {field}"

    return check


def alike(field: str, trait: Callable[[Mapping[str, Any]], str | None], must: str) -> Rule:
    """Have every item of a list show the same trait as the first that shows one."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        expected = None
        for path, item in values_at(data, f"{field}.*"):
            shown = trait(item) if isinstance(item, dict) else None
            expected = expected or shown
            if shown is not None and shown != expected:
                yield path, f"The {path} field must {must}: {expected}, not {shown}"

    return check


def where(pattern: str, is_wrong: Callable[[str], bool], says: str) -> Rule:
    """Refuse texts for which something holds that lengths and patterns do not say."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for path, value in values_at(data, pattern):
            if isinstance(value, str) and is_wrong(value):
                yield path, f"The {path} field {says}"

    return check
