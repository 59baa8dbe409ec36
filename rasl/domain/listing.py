"""The one list grammar of every noun: page, per_page, sort, search, filter, fields, include (api-v2 1.7-1.11).

Unknown names are ignored (section 17, row 39); a wrong value is reported under the parameter's own name.
"""

import datetime as dt
import enum
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from rasl.errors import ValidationFailed

DEFAULT_PER_PAGE = 15
MAX_PER_PAGE = 100
EXACT_TOTAL = 10_000
MAX_PAGE = 2**31 - 1
MAX_ID = 2**63 - 1
MAX_LIST_VALUES = 1_000

_FILTER = re.compile(r"filter\[([^\]]+)\](?:\[([^\]]+)\])?$")
_INTEGER = re.compile(r"[+-]?[0-9]{1,20}$")
_ALIASES = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt", "!=": "ne"}
_SCALAR_OPERATORS = frozenset({"eq", "ne", "gte", "lte", "gt", "lt"})
_LIST_OPERATORS = frozenset({"in", "not_in", "between"})


class Kind(enum.Enum):
    """What a filterable field holds."""

    INTEGER = "integer"
    TEXT = "text"
    MOMENT = "moment"


class ListSpec(msgspec.Struct, frozen=True):
    """What one noun's list understands; names are the API's."""

    filters: Mapping[str, Kind]
    sorts: tuple[str, ...]
    default_sort: str
    fields: tuple[str, ...]
    includes: tuple[str, ...] = ()


class Filter(msgspec.Struct, frozen=True):
    """One condition; `values` has one item, two for between, many for in, a bool for null."""

    name: str
    operator: str
    values: tuple[Any, ...]


class ListQuery(msgspec.Struct, frozen=True):
    """A list request as understood."""

    page: int = 1
    per_page: int = DEFAULT_PER_PAGE
    sorts: tuple[tuple[str, bool], ...] = ()  # (name, descending)
    search: str | None = None
    filters: tuple[Filter, ...] = ()
    fields: frozenset[str] | None = None
    includes: frozenset[str] = frozenset()

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
        if (match := _FILTER.match(name)) and match[1] in spec.filters:
            try:
                condition = _read_filter(match[1], match[2] or "eq", value, spec.filters[match[1]])
            except ValueError as error:
                problems[name] = [f"The {name} parameter {error}"]
            else:
                filters += [condition] if condition else []
    query = ListQuery(
        page=_read_number(values, "page", 1, MAX_PAGE, problems),
        per_page=min(_read_number(values, "per_page", DEFAULT_PER_PAGE, MAX_ID, problems), MAX_PER_PAGE),
        sorts=_read_sorts(values.get("sort", ""), spec),
        search=(values.get("search") or values.get("q") or "").strip() or None,
        filters=tuple(filters),
        fields=_read_names(values.get("fields"), spec.fields),
        includes=_read_names(values.get("include"), spec.includes) or frozenset(),
    )
    if problems:
        raise ValidationFailed(problems)
    return query


def _read_number(
    values: Mapping[str, str], name: str, default: int, top: int, problems: dict[str, list[str]]
) -> int:
    text = values.get(name, "").strip()
    if not text:
        return default
    if not _INTEGER.match(text):
        problems[name] = [f"The {name} parameter must be an integer"]
        return default
    number = int(text)
    if not 1 <= number <= top:
        problems[name] = [f"The {name} parameter must be between 1 and {top}"]
        return default
    return number


def _read_sorts(text: str, spec: ListSpec) -> tuple[tuple[str, bool], ...]:
    sorts = tuple(
        (name.removeprefix("-"), name.startswith("-"))
        for name in (part.strip() for part in text.split(","))
        if name.removeprefix("-") in spec.sorts
    )
    return sorts or _read_sorts(spec.default_sort, spec)


def _read_names(text: str | None, known: tuple[str, ...]) -> frozenset[str] | None:
    if text is None:
        return None
    return frozenset(name.strip() for name in text.split(",")) & frozenset(known)


def _read_filter(name: str, operator: str, text: str, kind: Kind) -> Filter | None:
    operator = _ALIASES.get(operator, operator)
    if operator == "null":
        if text.lower() not in {"true", "false", "1", "0"}:
            raise ValueError("must be true or false")
        return Filter(name, operator, (text.lower() in {"true", "1"},))
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
    if kind is Kind.TEXT:
        return text
    if kind is Kind.INTEGER:
        if not _INTEGER.match(text) or not -MAX_ID <= int(text) <= MAX_ID:
            raise ValueError("must be an integer")
        return int(text)
    return _read_moment(text)


def _read_moment(text: str) -> dt.datetime:
    try:
        # A plus sign that was not URL-encoded arrives as a space.
        moment = dt.datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        # At the edges of the calendar a zone can lead out of it.
        return moment.astimezone(dt.UTC) if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be an ISO 8601 date or time") from None


class Page(msgspec.Struct, frozen=True):
    """One page of rows with the size of the whole."""

    rows: list[Any]
    total: int
    is_total_estimated: bool


def pagination(query: ListQuery, page: Page) -> dict[str, Any]:
    """Return the contract's pagination block (section 17, row 4); totals above 10,000 are marked as estimated."""
    count = len(page.rows)
    block: dict[str, Any] = {
        "current_page": query.page,
        "per_page": query.per_page,
        "total": page.total,
        "last_page": max(1, -(-page.total // query.per_page)),
        "from": query.offset + 1 if count else None,
        "to": query.offset + count if count else None,
    }
    if page.is_total_estimated:
        block["total_is_estimated"] = True
    return block
