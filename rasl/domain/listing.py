"""The one list grammar of every noun: page, per_page, sort, search, filter, fields, include (api-v2 1.7-1.11).

`cursor` is ours: it continues behind the last row of a page, at the same cost however deep. Unknown
names are ignored (section 17, row 39); a wrong value is reported under the parameter's own name.
"""

import datetime as dt
import enum
import hashlib
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import msgspec

from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed

DEFAULT_PER_PAGE = 15
MAX_PER_PAGE = 100
EXACT_TOTAL = 10_000
MAX_PAGE = 2**31 - 1
MAX_LIST_VALUES = 1_000
MAX_SEARCH_WORDS = 20
MAX_CURSOR = 8_192

_FILTER = re.compile(r"filter\[([^\]]+)\](?:\[([^\]]+)\])?$")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}$")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?$", re.ASCII)
_ALIASES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "!=": "ne"}
_SCALAR_OPERATORS = frozenset({"eq", "ne", "gte", "lte", "gt", "lt"})
_LIST_OPERATORS = frozenset({"in", "not_in", "between"})
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_Value = TypeVar("_Value")


class Kind(enum.Enum):
    """What a filterable field holds."""

    INTEGER = "integer"
    TEXT = "text"
    MOMENT = "moment"
    BOOLEAN = "boolean"
    ARRAY = "array"  # of ids; a condition is about its members
    JSON = "json"  # an object of scalars; conditions name a key: filter[attributes.key]


# What has no order has no ranges, and an id has no substring.
_SET_OPERATORS = frozenset({"eq", "ne", "in", "not_in", "null"})


class ListSpec(msgspec.Struct, frozen=True):
    """What one noun's list understands; names are the API's, `columns` those of the table where they differ.

    `fields`, which can be chosen, are those that an item of the API has.
    """

    filters: Mapping[str, Kind]
    sorts: tuple[str, ...]
    default_sort: str
    includes: tuple[str, ...] = ()
    columns: Mapping[str, str] = {}
    fields: tuple[str, ...] = ()


class Filter(msgspec.Struct, frozen=True):
    """One condition; `values` has one item, two for between, many for in, a bool for null.

    `key` is the attribute meant, when the field is a JSON object; its values are text as it was sent.
    """

    name: str
    operator: str
    values: tuple[Any, ...]
    key: str | None = None


class ListQuery(msgspec.Struct, frozen=True):
    """A list request as understood."""

    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    sorts: tuple[tuple[str, bool], ...] = ()  # (name, descending)
    search: str | None = None
    filters: tuple[Filter, ...] = ()
    fields: frozenset[str] | None = None
    includes: frozenset[str] = frozenset()
    cursor: tuple[Any, ...] | None = None  # the sort values and the tie-breaker of the row before

    @property
    def offset(self) -> int:
        """Return how many rows come before this page."""
        return (self.page - 1) * self.per_page


def parse(pairs: Iterable[tuple[str, str]], spec: ListSpec) -> ListQuery:
    """Read decoded query parameters; raises ValidationFailed naming every wrong one."""
    problems: dict[str, list[str]] = {}
    values: dict[str, str] = {}
    filters: list[Filter] = []
    for name, value in pairs:
        if "\x00" in value:
            problems[name] = [f"The {name} parameter must not contain NUL characters"]
            continue
        values[name] = value
        try:
            filters += _read_filters(name, value, spec)
        except ValueError as error:
            problems[name] = [f"The {name} parameter {error}"]

    def read(name: str, understand: Callable[[str], _Value], absent: _Value) -> _Value:
        text = values.get(name, "").strip()
        try:
            return understand(text) if text else absent
        except ValueError as error:
            problems[name] = [f"The {name} parameter {error}"]
            return absent

    sorts = _read_sorts(values.get("sort", ""), spec)
    per_page = read("per_page", lambda text: _read_number(text, MAX_ID), DEFAULT_PER_PAGE)
    query = ListQuery(
        page=read("page", lambda text: _read_number(text, MAX_PAGE), 1),
        per_page=min(per_page, MAX_PER_PAGE),
        sorts=sorts,
        search=read("search" if values.get("search") else "q", _read_search, None),
        filters=tuple(filters),
        fields=_read_names(values.get("fields"), spec.fields),
        includes=_read_names(values.get("include"), spec.includes) or frozenset(),
        cursor=read("cursor", lambda text: _read_cursor(text, sorts), None),
    )
    if problems:
        raise ValidationFailed(problems)
    return query


def _read_number(text: str, top: int) -> int:
    if not _INTEGER.match(text):
        raise ValueError("must be an integer")
    number = int(text)
    if not 1 <= number <= top:
        raise ValueError(f"must be between 1 and {top}")
    return number


def _read_search(text: str) -> str:
    if len(text.split()) > MAX_SEARCH_WORDS:
        raise ValueError(f"takes at most {MAX_SEARCH_WORDS} words")
    return text


def _read_sorts(text: str, spec: ListSpec) -> tuple[tuple[str, bool], ...]:
    sorts: dict[str, bool] = {}
    for part in text.split(","):
        name = part.strip().removeprefix("-")
        if name in spec.sorts:
            sorts.setdefault(name, part.strip().startswith("-"))
    return tuple(sorts.items()) or _read_sorts(spec.default_sort, spec)


def _read_names(text: str | None, known: tuple[str, ...]) -> frozenset[str] | None:
    if text is None:
        return None
    return frozenset(name.strip() for name in text.split(",")) & frozenset(known)


def _read_filters(parameter: str, text: str, spec: ListSpec) -> list[Filter]:
    match = _FILTER.match(parameter)
    if match is None:
        return []
    name, dot, key = match[1].partition(".")
    kind = spec.filters.get(name)
    if kind is None or (kind is Kind.JSON) != bool(dot):
        return []
    if "\x00" in key:
        raise ValueError("must not contain NUL characters")
    item = _read_filter(name, match[2] or "eq", text, kind)
    if item is None:
        return []
    return [msgspec.structs.replace(item, key=key)] if dot else [item]


def _read_filter(name: str, operator: str, text: str, kind: Kind) -> Filter | None:
    operator = _ALIASES.get(operator, operator)
    is_known = operator in _SCALAR_OPERATORS | _LIST_OPERATORS | {"like", "null"}
    if kind in {Kind.ARRAY, Kind.BOOLEAN} and is_known and operator not in _SET_OPERATORS:
        raise ValueError("has an operator that is not for this field: eq, ne, in, not_in and null are")
    if operator == "null":
        return Filter(name, operator, (_read_boolean(text),))
    if operator == "like":
        return Filter(name, operator, (text,))
    if operator in _SCALAR_OPERATORS:
        return Filter(name, operator, (_read_value(text, kind),))
    if operator in _LIST_OPERATORS:
        values = tuple(_read_value(part.strip(), kind) for part in text.split(",") if part.strip())
        if operator == "between" and len(values) != 2:
            raise ValueError("needs two values, separated by a comma")
        if len(values) > MAX_LIST_VALUES:
            raise ValueError(f"takes at most {MAX_LIST_VALUES} values")
        return Filter(name, operator, values)
    return None


def _read_value(text: str, kind: Kind) -> Any:
    if kind in {Kind.TEXT, Kind.JSON}:
        return text
    if kind is Kind.BOOLEAN:
        return _read_boolean(text)
    if kind in {Kind.INTEGER, Kind.ARRAY}:
        if not _INTEGER.match(text) or not -MAX_ID <= int(text) <= MAX_ID:
            raise ValueError("must be an integer")
        return int(text)
    return _read_moment(text)


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


def spellings(text: str) -> list[Any]:
    """Return every JSON scalar that a query parameter can mean: `5` is a text and a number."""
    meanings: list[Any] = [text]
    if _NUMBER.match(text):
        meanings.append(msgspec.Raw(text.encode()))
    if text in {"true", "false"}:
        meanings.append(text == "true")
    return meanings


def is_number(text: str) -> bool:
    """Tell whether a query parameter can be compared with numbers."""
    return _NUMBER.match(text) is not None


def write_cursor(sorts: tuple[tuple[str, bool], ...], values: tuple[Any, ...]) -> str:
    """Return the text that names a place in a sort order: behind the row with these values."""
    return urlsafe_b64encode(msgspec.msgpack.encode([_digest(sorts), *values])).rstrip(b"=").decode()


def _read_cursor(text: str, sorts: tuple[tuple[str, bool], ...]) -> tuple[Any, ...]:
    if len(text) > MAX_CURSOR or not text.isascii():
        raise ValueError("is not a cursor of this list")
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        digest, *values = msgspec.msgpack.decode(packed, type=list[Any])
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise ValueError("is not a cursor of this list") from None
    if digest != _digest(sorts):
        raise ValueError("belongs to another sort order")
    is_sound = all(value is None or isinstance(value, int | float | str | dt.datetime) for value in values)
    if not is_sound or any(isinstance(value, str) and "\x00" in value for value in values):
        raise ValueError("is not a cursor of this list")
    return tuple(values)


def _digest(sorts: tuple[tuple[str, bool], ...]) -> bytes:
    order = ",".join(f"-{name}" if is_descending else name for name, is_descending in sorts)
    return hashlib.blake2s(order.encode(), digest_size=4).digest()


class Page(msgspec.Struct, frozen=True):
    """One page of rows with the size of the whole, which nobody counts for a page by cursor."""

    rows: list[Any]
    total: int | None
    is_total_estimated: bool
    next_cursor: str | None = None


def pagination(query: ListQuery, page: Page) -> dict[str, Any]:
    """Return the contract's pagination block (section 17, row 4); totals above 10,000 are marked as estimated.

    A page by cursor has no number and no total: whoever walks a list read them with its first page.
    """
    count = len(page.rows)
    is_numbered = query.cursor is None
    block: dict[str, Any] = {
        "current_page": query.page if is_numbered else None,
        "per_page": query.per_page,
        "total": page.total,
        "last_page": None if page.total is None else max(1, -(-page.total // query.per_page)),
        "from": query.offset + 1 if count and is_numbered else None,
        "to": query.offset + count if count and is_numbered else None,
        "next_cursor": page.next_cursor,
    }
    if page.is_total_estimated:
        block["total_is_estimated"] = True
    return block
