"""Rows as one JSON parameter: `from {table(Kind)}` in a statement, and the list of structs as its value.

An array parameter per column takes no lists (an array of them becomes one more dimension, or an error) and costs five
times as much to encode. Here every column has its type from the struct; lists, objects and nulls are nothing special.
"""

import datetime as dt
import functools
import types
import typing
from typing import Any, Union

import msgspec

_TYPES = {
    int: "bigint",
    str: "text",
    bool: "boolean",
    float: "float8",
    dt.datetime: "timestamptz",
}
_ARRAYS = {f"tuple[{kind.__name__}, ...]": f"{name}[]" for kind, name in _TYPES.items()}


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
    return f"json_to_recordset(${place}::json) as {alias} ({columns(kind)})"


def ordered(kind: type[msgspec.Struct], place: int = 1, alias: str = "i") -> str:
    """Return the same with one more column, `ord`: the place in the sequence, from 1."""
    rows = f"rows from (json_to_recordset(${place}::json) as ({columns(kind)}))"
    return f"{rows} with ordinality as {alias} ({names(kind)}, ord)"


def _type(hint: Any) -> str:
    """Return the type of a column; whatever has no simpler one travels as jsonb."""
    if typing.get_origin(hint) in {Union, types.UnionType}:
        members = [member for member in typing.get_args(hint) if member is not types.NoneType]
        hint = members[0] if len(members) == 1 else Any
    if isinstance(hint, type) and hint in _TYPES:
        return _TYPES[hint]
    return _ARRAYS.get(str(hint), "jsonb")
