"""Places in an order: what it takes to stand behind one, as SQL."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from rasl.errors import ValidationFailed


class Key(msgspec.Struct, frozen=True):
    """One column of an order that is total."""

    column: str
    is_descending: bool
    is_nullable: bool

    @property
    def direction(self) -> str:
        """Return the direction in SQL."""
        return "desc" if self.is_descending else "asc"


def behind(keys: Sequence[Key], values: Sequence[Any], parameter: Callable[[Any], str]) -> str:
    """Return the condition of standing behind a place: a comparison of rows where that says it, as indexes like it."""
    if any(value is None and not key.is_nullable for key, value in zip(keys, values, strict=True)):
        raise stranger()
    marks = [None if value is None else parameter(value) for value in values]
    if _is_comparable(keys):
        sign = "<" if keys[0].is_descending else ">"
        return f"({', '.join(key.column for key in keys)}) {sign} ({', '.join(map(str, marks))})"
    condition = "false"
    for key, mark in reversed(list(zip(keys, marks, strict=True))):
        same = f"{key.column} = {mark}" if mark else f"{key.column} is null"
        condition = f"({_further(key, mark)} or {same} and {condition})"
    if keys[0].is_nullable:
        return condition
    # Said twice, so that an index can begin there.
    return f"{keys[0].column} {'<=' if keys[0].is_descending else '>='} {marks[0]} and {condition}"


def not_behind(keys: Sequence[Key], values: Sequence[Any], parameter: Callable[[Any], str]) -> str:
    """Return the condition of standing at a place or before it."""
    if _is_comparable(keys):
        sign = ">=" if keys[0].is_descending else "<="
        marks = ", ".join(parameter(value) for value in values)
        return f"({', '.join(key.column for key in keys)}) {sign} ({marks})"
    condition = f"({behind(keys, values, parameter)}) is not true"
    if keys[0].is_nullable:
        return condition
    return (
        f"{keys[0].column} {'>=' if keys[0].is_descending else '<='} {parameter(values[0])} and {condition}"
    )


def _is_comparable(keys: Sequence[Key]) -> bool:
    return len({key.is_descending for key in keys}) == 1 and not any(key.is_nullable for key in keys)


def _further(key: Key, mark: str | None) -> str:
    """Say that a column is behind a value; null is the largest, as PostgreSQL has it."""
    if mark is None:
        return f"{key.column} is not null" if key.is_descending else "false"
    if key.is_descending:
        return f"{key.column} < {mark}"
    return f"({key.column} > {mark} or {key.column} is null)" if key.is_nullable else f"{key.column} > {mark}"


def stranger() -> ValidationFailed:
    """Return the error for a cursor of another list."""
    return ValidationFailed({"cursor": ["The cursor parameter is not a cursor of this list"]})
