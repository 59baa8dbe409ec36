"""Filters of lists as clients write them: every form whose meaning is plain is understood, any other refused.

PHP, jQuery and axios write lists as `filter[type][]=lead`, `filter[type][0]=lead` or by repeating a name. An operator
that was not URL-encoded is cut at its equals sign: `filter[assigned_id][>=]=8` arrives as `filter[assigned_id][>` with
the value `]=8`. A field that is known is never left out of account: that would show a wider list than was asked for.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from rasl.domain import phone
from rasl.domain.listing import Filter, Kind, ListSpec
from rasl.domain.phone import Phone
from rasl.domain.validation import MAX_ID

MAX_LIST_VALUES = 1_000

INTEGER = re.compile(r"[+-]?[0-9]{1,20}$")
_FILTER = re.compile(r"filter((?:\[[^\[\]]*\])+)$")
_BEGINNING = re.compile(r"filter\[\s*([^\[\].\s]+)")
_PART = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"[0-9]{0,6}$")
_ALIASES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "!=": "ne", "<>": "ne", "=": "eq", "==": "eq"}
_SETS = ("eq", "ne", "in", "not_in")
_LISTS = {"eq": "in", "ne": "not_in", "in": "in", "not_in": "not_in"}
_OPERATORS = (*_SETS, "gte", "lte", "gt", "lt", "between", "like", "null")
# What has no order has no ranges, and an id has no substring.
_OF_KIND = {
    Kind.ARRAY: (*_SETS, "null"),
    Kind.BOOLEAN: (*_SETS, "null"),
    Kind.PHONE: (*_SETS, "null"),
    Kind.EMAIL: (*_SETS, "like", "null"),
    Kind.MESSAGE: _SETS,
}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_FORM = "is not written as filter[field]=value or filter[field][operator]=value"


class FilterReading(msgspec.Struct):
    """What became of the filters of a query; `unknown` has parameters, with the name that is not known in each."""

    filters: list[Filter] = []
    problems: dict[str, list[str]] = {}
    unknown: list[tuple[str, str]] = []


class _Given(msgspec.Struct, frozen=True):
    """One parameter, taken apart."""

    parameter: str
    name: str
    key: str | None
    operator: str
    is_list: bool
    text: str


def mended(parameter: str, value: str) -> tuple[str, str]:
    """Put a parameter together again that was cut at an equals sign inside its brackets."""
    if not parameter.startswith("filter[") or parameter.count("[") == parameter.count("]"):
        return parameter, value
    rest, separator, value_itself = value.partition("]=")
    if not separator and value.endswith("]"):
        rest, separator = value[:-1], "]"
    return (f"{parameter}={rest}]", value_itself) if separator else (parameter, value)


def read_filters(pairs: Iterable[tuple[str, str]], spec: ListSpec, country: str | None) -> FilterReading:
    """Read the parameters that are filters; phones without a country code are of the country."""
    reading = FilterReading()
    groups: dict[tuple[str, str | None, str], list[_Given]] = {}
    for parameter, text in pairs:
        try:
            given = _taken_apart(parameter, text, spec)
        except ValueError as error:
            # As all parameters of a query: one without a value is as if it were not given.
            if text.strip():
                reading.problems[parameter] = [f"The {parameter} parameter {error}"]
            continue
        if given is None:
            reading.unknown.append((parameter, _name_in(parameter)))
        elif given.text.strip():
            groups.setdefault((given.name, given.key, given.operator), []).append(given)
    for group in groups.values():
        reading.filters += _filters(group, spec.filters, country, reading.problems)
    return reading


def _name_in(parameter: str) -> str:
    found = _BEGINNING.match(parameter)
    return found[1] if found else ""


def _taken_apart(parameter: str, text: str, spec: ListSpec) -> _Given | None:
    """Return None when it names no field; raises ValueError when it does, but in no form that means anything."""
    match = _FILTER.match(parameter)
    if match is None:
        if _name_in(parameter) in spec.filters:
            raise ValueError(_FORM)
        return None
    first, *rest = (part.strip() for part in _PART.findall(match[1]))
    name, dot, key = first.partition(".")
    kind = spec.filters.get(name)
    if kind is None:
        return None
    if kind is Kind.JSON and not dot and rest and rest[0]:
        key = rest.pop(0)  # filter[attributes][tier]
    if (kind is Kind.JSON) != bool(key):
        raise ValueError(f"needs a key: filter[{name}.key]" if kind is Kind.JSON else _FORM)
    if "\x00" in key:
        raise ValueError("must not contain NUL characters")
    is_list = bool(rest) and _PLACE.match(rest[-1]) is not None
    operators = rest[:-1] if is_list else rest
    if len(operators) > 1:
        raise ValueError(_FORM)
    operator = _read_operator(operators[0] if operators else "eq", kind)
    return _Given(parameter, name, key or None, operator, is_list, text)


def _read_operator(text: str, kind: Kind) -> str:
    operator = _ALIASES.get(text, text.lower())
    known = _OF_KIND.get(kind, _OPERATORS)
    if operator in known:
        return operator
    what = "is not for this field" if operator in _OPERATORS else "is not known"
    raise ValueError(f"has an operator that {what}: {', '.join(known[:-1])} and {known[-1]} are")


def _filters(
    group: list[_Given],
    kinds: Mapping[str, Kind],
    country: str | None,
    problems: dict[str, list[str]],
) -> list[Filter]:
    """Return the conditions that parameters with one field and one operator make together."""
    first = group[0]
    kind, operator = kinds[first.name], first.operator
    found: list[tuple[_Given, tuple[Any, ...]]] = []
    for given in group:
        try:
            found.append((given, _read_values(given, kind, country)))
        except ValueError as error:
            problems[given.parameter] = [f"The {given.parameter} parameter {error}"]
    try:
        return [
            Filter(first.name, operator, values, first.key)
            for operator, values in _joined(operator, kind, found)
        ]
    except ValueError as error:
        problems[first.parameter] = [f"The {first.parameter} parameter {error}"]
        return []


def _read_values(given: _Given, kind: Kind, country: str | None) -> tuple[Any, ...]:
    if given.operator == "null":
        return (_read_boolean(given.text.strip()),)
    if given.operator == "like":
        return (given.text.strip(),)
    if given.operator in {"in", "not_in", "between"}:
        parts = [part for part in given.text.split(",") if part.strip()]
        return tuple(_read_value(part, kind, country) for part in parts)
    return (_read_value(given.text, kind, country),)


def _joined(
    operator: str, kind: Kind, found: list[tuple[_Given, tuple[Any, ...]]]
) -> list[tuple[str, tuple[Any, ...]]]:
    """Return operators with their values; several values for one of which only one can hold are a list."""
    is_list = any(given.is_list for given, _ in found)
    each = [(operator, values) for _, values in found]
    together = tuple(value for _, values in found for value in values)
    if len(together) > MAX_LIST_VALUES:
        raise ValueError(f"takes at most {MAX_LIST_VALUES} values")
    if operator == "between":
        if all(len(values) == 2 for _, values in found):
            return each
        if len(together) != 2:
            raise ValueError("needs two values, separated by a comma")
        return [(operator, together)]
    # A contact can be in two groups, and whoever names two without a list asks for both.
    if operator not in _LISTS or (operator == "eq" and kind is Kind.ARRAY and not is_list):
        if is_list and len(found) > 1:
            raise ValueError("takes one value")
        return each
    if len(found) == 1:
        return each
    return [(_LISTS[operator], together)]


def _read_value(text: str, kind: Kind, country: str | None) -> Any:
    if kind is Kind.PHONE:
        return _read_phone(text, country)
    return _READERS.get(kind, str)(text.strip())


def _read_integer(text: str) -> int:
    if not INTEGER.match(text) or not -MAX_ID <= int(text) <= MAX_ID:
        raise ValueError("must be an integer")
    return int(text)


def _read_phone(text: str, country: str | None) -> str:
    """Return the key by which a phone is recognised."""
    # A plus sign that was not URL-encoded arrives as a space.
    is_cut = text[:1] == " " and text.strip()[:1].isdigit()
    understood = phone.understand(f"+{text.strip()}" if is_cut else text.strip(), country)
    if isinstance(understood, Phone):
        return understood.match_key
    raise ValueError(f"is no phone number: {understood.sentence}")


def _read_message(text: str) -> int | str:
    """Return our id of a message, or WhatsApp's, which is base64: its plus signs arrive as spaces."""
    if text.isascii() and text.isdecimal() and len(text) < 20 and int(text) <= MAX_ID:
        return int(text)
    return text.replace(" ", "+")


def _read_boolean(text: str) -> bool:
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("must be true or false") from None


def _read_moment(text: str) -> dt.datetime:
    try:
        # A plus sign that was not URL-encoded arrives as a space.
        moment = dt.datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        # At the edges of the calendar a zone can lead out of it.
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 date or time") from None


_READERS: Mapping[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: _read_integer,
    Kind.ARRAY: _read_integer,
    Kind.BOOLEAN: _read_boolean,
    Kind.MOMENT: _read_moment,
    Kind.EMAIL: str.lower,
    Kind.MESSAGE: _read_message,
}
