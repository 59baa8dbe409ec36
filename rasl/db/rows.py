"""Rows as one JSON parameter: `from {table(Kind)}` in a statement, and the list of structs as its value.

An array parameter per column takes no lists (an array of them becomes one more dimension, or an error) and costs five
times as much to encode. Here every column has its type from the struct; lists, objects and nulls are nothing special.
Bytes travel as base64. Where single ids or keys are all there is, an array stays the simpler parameter.
"""

import datetime as dt
import decimal
import functools
import types
import typing
from collections.abc import Sequence
from typing import Any, Union

import msgspec


class Key(msgspec.Struct, frozen=True):
    """What most rows of a tenant are known by."""

    tenant_id: int
    id: int


def assigned(names: Sequence[str], first: int) -> str:
    """Return the assignments of columns to parameters, the first of which has this number: `a = $2, b = $3`."""
    return ", ".join(f"{name} = ${place}" for place, name in enumerate(names, first))


_TYPES = {
    int: "bigint",
    str: "text",
    bool: "boolean",
    float: "float8",
    decimal.Decimal: "numeric",
    dt.datetime: "timestamptz",
    dt.date: "date",
    dt.timedelta: "interval",  # none below zero: PostgreSQL writes those in another way
    bytes: "text",  # base64, opened on the way in
}
_ARRAYS = {
    text.format(kind.__name__): f"{name}[]"
    for kind, name in _TYPES.items()
    if kind is not bytes
    for text in ("tuple[{}, ...]", "list[{}]")
}


@functools.cache
def columns(kind: type[msgspec.Struct]) -> str:
    """Return the columns of a struct with the types they have in PostgreSQL, in order of the struct."""
    hints = typing.get_type_hints(kind)
    return ", ".join(f"{name} {_type(hints[name])}" for name in kind.__struct_fields__)


@functools.cache
def names(kind: type[msgspec.Struct], prefix: str = "") -> str:
    """Return the names of a struct's columns, in order."""
    return ", ".join(f"{prefix}{name}" for name in kind.__struct_fields__)


def table(kind: type[msgspec.Struct], place: int = 1, alias: str = "i") -> str:
    """Return the FROM item of the rows in parameter `place`, which is a sequence of such structs."""
    return _opened(kind, f"json_to_recordset(${place}::json)", f"({columns(kind)})", alias)


def ordered(kind: type[msgspec.Struct], place: int = 1, alias: str = "i") -> str:
    """Return the same with one more column, `ord`: the place in the sequence, from 1."""
    rows = f"rows from (json_to_recordset(${place}::json) as ({columns(kind)})) with ordinality"
    return _opened(kind, rows, f"({names(kind)}, ord)", alias, ", ord")


def _opened(kind: type[msgspec.Struct], rows: str, form: str, alias: str, more: str = "") -> str:
    """Return a FROM item with its bytes as bytes; the planner sees through the query around it."""
    hints = typing.get_type_hints(kind)
    if not any(_plain(hint) is bytes for hint in hints.values()):
        return f"{rows} as {alias} {form}"
    opened = ", ".join(
        f"decode({name}, 'base64') as {name}" if _plain(hints[name]) is bytes else name
        for name in kind.__struct_fields__
    )
    return f"(select {opened}{more} from {rows} as r {form}) as {alias}"


def _plain(hint: Any) -> Any:
    """Return what a column holds when it is not null."""
    if typing.get_origin(hint) in {Union, types.UnionType}:
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        return members[0] if len(members) == 1 else Any
    return hint


def _type(hint: Any) -> str:
    """Return the type of a column; whatever has no simpler one travels as jsonb."""
    hint = _plain(hint)
    if isinstance(hint, type) and hint in _TYPES:
        return _TYPES[hint]
    return _ARRAYS.get(str(hint), "jsonb")
