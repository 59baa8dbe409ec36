"""The rules of single values, in our own words instead of the library's."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import inspect

Broken = tuple[str, str] | None
"""The name of the rule that is broken and what it says, None when the value is fine or not known here."""


def plain_type(info: inspect.Type) -> inspect.Type:
    """Return what a value is when it is there: an optional type without its None, an annotated one bare."""
    if isinstance(info, inspect.Metadata):
        return plain_type(info.type)
    if isinstance(info, inspect.UnionType):
        options = [option for option in info.types if not isinstance(option, inspect.NoneType)]
        return plain_type(options[0]) if len(options) == 1 else info
    return info


def told_of(info: inspect.Type) -> dict[str, Any]:
    """Return what a type says besides its rules (`msgspec.Meta(extra=…)`), of what may be null as well."""
    if isinstance(info, inspect.Metadata):
        return told_of(info.type) | (info.extra or {})
    if isinstance(info, inspect.UnionType):
        return {name: value for option in info.types for name, value in told_of(option).items()}
    return {}


def admits_null(info: inspect.Type) -> bool:
    """Tell whether null is a value of this type."""
    if isinstance(info, inspect.Metadata):
        return admits_null(info.type)
    return isinstance(info, inspect.UnionType) and info.includes_none


def broken_rule(info: inspect.Type, value: Any) -> Broken:
    """Return the first rule that a text, number, choice, list, object or file breaks; `info` is a plain type."""
    check = _CHECKS.get(type(info))
    return check(info, value) if check else None


def holds_nul(value: Any) -> bool:
    """Tell whether a text, or one in it, holds what PostgreSQL cannot; objects in lists have a body of their own."""
    if isinstance(value, list):
        return any(isinstance(item, str) and "\x00" in item for item in value)
    # A loop, because clients choose how deep it goes.
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, str):
            if "\x00" in item:
                return True
        elif isinstance(item, dict):
            left += [*item.keys(), *item.values()]
        elif isinstance(item, list):
            left += item
    return False


def conversion_problem(annotation: Any, value: Any) -> str | None:
    """Return what the library says against a value of a type that is not known here."""
    try:
        msgspec.convert(value, annotation, strict=False)
    except msgspec.ValidationError as error:
        return str(error)
    except RecursionError:
        return "it is nested too deeply"
    return None


def _broken_choice(info: inspect.LiteralType, value: Any) -> Broken:
    return None if value in info.values else ("invalid", f"must be one of {', '.join(map(str, info.values))}")


def _no_file(info: inspect.CustomType, value: Any) -> Broken:
    return None if isinstance(value, info.cls) else ("file", "must be a file, sent as multipart/form-data")


def _broken_object_rule(info: inspect.DictType, value: Any) -> Broken:
    if not isinstance(value, dict):
        return "invalid", "must be an object"
    if info.min_length and not value:
        return "invalid", "must not be empty"
    return None


def _broken_list_rule(info: inspect.ListType, value: Any) -> Broken:
    if not isinstance(value, list):
        return "array", "must be an array"
    if info.min_length and len(value) < info.min_length:
        return "required", f"must have at least {info.min_length} items"
    if info.max_length is not None and len(value) > info.max_length:
        return "max", f"must not have more than {info.max_length} items"
    return None


def _broken_text_rule(info: inspect.StrType, value: Any) -> Broken:
    if not isinstance(value, str):
        return "string", "must be a string"
    if info.pattern and not re.search(info.pattern, value):
        return "pattern", "format is invalid"
    if info.min_length and len(value) < info.min_length:
        return "min", f"must be at least {info.min_length} characters"
    if info.max_length and len(value) > info.max_length:
        return "max", f"must not be greater than {info.max_length} characters"
    return None


def _broken_number_rule(info: inspect.IntType | inspect.FloatType, value: Any) -> Broken:
    # msgspec says what a number is, so that a body means the same on the fast path and on the slow one.
    kind, name = (int, "integer") if isinstance(info, inspect.IntType) else (float, "number")
    try:
        number = msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        return name, f"must be {'an' if kind is int else 'a'} {name}"
    # Written so that NaN, which is neither less nor more than anything, breaks the rule.
    if (info.ge is not None and not number >= info.ge) or (info.le is not None and not number <= info.le):
        return "range", f"must be between {info.ge} and {info.le}"
    return None


_CHECKS: Mapping[type[inspect.Type], Callable[[Any, Any], Broken]] = {
    inspect.StrType: _broken_text_rule,
    inspect.IntType: _broken_number_rule,
    inspect.FloatType: _broken_number_rule,
    inspect.ListType: _broken_list_rule,
    inspect.DictType: _broken_object_rule,
    inspect.LiteralType: _broken_choice,
    inspect.CustomType: _no_file,
}
