"""Lists as the contract has them: filter, sort and cut a Python list."""

import dataclasses
import enum
import functools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from tests.model.answers import Contact, Expected, Label, folded
from tests.model.rules import ANY, PHONES
from tests.model.state import Tenant
from tests.sorting import sort_key

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
_COMPARISONS: dict[str, Callable[[Any, Sequence[Any]], bool]] = {
    "eq": lambda a, b: bool(a == b[0]),
    "gte": lambda a, b: bool(a >= b[0]),
    "lte": lambda a, b: bool(a <= b[0]),
    "gt": lambda a, b: bool(a > b[0]),
    "lt": lambda a, b: bool(a < b[0]),
    "like": lambda a, b: bool(b[0].lower() in str(a).lower()),
    "between": lambda a, b: bool(b[0] <= a <= b[1]),
}
Place = tuple[Any, ...]


class Spelling(enum.Enum):
    """How clients write a filter."""

    PLAIN = enum.auto()  # filter[type][in]=a,b
    BRACKETS = enum.auto()  # filter[type][in][]=a&filter[type][in][]=b
    PLACES = enum.auto()  # filter[type][in][0]=a&filter[type][in][1]=b
    REPEATED = enum.auto()  # filter[type][in]=a&filter[type][in]=b
    SIGN = enum.auto()  # filter[assigned_id][>=]=8, whose equals sign cuts it in two where it is not encoded


_SIGNS = {"gte": ">=", "lte": "<=", "gt": ">", "lt": "<", "ne": "!="}


@dataclasses.dataclass(frozen=True)
class Filter:
    """A condition: its values are numbers for fields that are, else texts."""

    name: str
    operator: str
    values: tuple[Any, ...]
    spelling: Spelling = Spelling.PLAIN

    def pairs(self) -> list[tuple[str, str]]:
        """What is sent."""
        operator = f"[{self.operator}]" if self.operator != "eq" else ""
        name, texts = f"filter[{self.name}]{operator}", list(map(_sent, self.values))
        match self.spelling:
            case Spelling.BRACKETS:
                return [(f"{name}[]", text) for text in texts]
            case Spelling.PLACES:
                return [(f"{name}[{place}]", text) for place, text in enumerate(texts)]
            case Spelling.REPEATED:
                return [(name, text) for text in texts]
            case Spelling.SIGN if self.operator in _SIGNS:
                before, equals, behind = f"filter[{self.name}][{_SIGNS[self.operator]}]".partition("=")
                return [(before, f"{behind}={texts[0]}") if equals else (before, texts[0])]
        return [(name, ",".join(texts))]


@dataclasses.dataclass(frozen=True)
class Query:
    """A list request, understood before it is sent."""

    noun: str
    filters: tuple[Filter, ...] = ()
    sorts: tuple[tuple[str, bool], ...] = ()
    search: str = ""
    page: int = 1
    per_page: int = 15
    fields: tuple[str, ...] | None = None
    includes: tuple[str, ...] = ()
    unknown: tuple["Unknown", ...] = ()

    @property
    def order(self) -> tuple[tuple[str, bool], ...]:
        """The total order: what was asked for, and the id in the direction of the last."""
        sorts = self.sorts or (("created_at", True),)
        names = [name for name, _ in sorts]
        # Nothing comes after an id: no two rows share one, and what changes later must not move a place.
        return sorts[: names.index("id") + 1] if "id" in names else (*sorts, ("id", sorts[-1][1]))

    def pairs(self) -> list[tuple[str, str]]:
        """What is sent."""
        pairs = [pair for item in self.filters for pair in item.pairs()]
        pairs += [("page", str(self.page))] if self.page > 1 else []
        pairs += [("per_page", str(self.per_page))] if self.per_page != 15 else []
        pairs += [("search", self.search)] if self.search else []
        pairs += [("fields", ",".join(self.fields))] if self.fields is not None else []
        pairs += [("include", ",".join(self.includes))] if self.includes else []
        if self.sorts:
            pairs.append(("sort", ",".join(f"-{name}" if down else name for name, down in self.sorts)))
        return pairs + [item.pair for item in self.unknown]


def refused(query: Query) -> Expected:
    """Return what a strict caller is told of a query with names that mean nothing."""
    return Expected(422, code="VALIDATION_ERROR", details={item.told: [ANY] for item in query.unknown})


def listed(tenant: Tenant, query: Query, behind: Place | None = None) -> tuple[Expected, Place | None]:
    """Return the page, by number or behind a place, and the place it ends at, None at the end of the list."""
    rows = [row for row in _rows(tenant, query.noun) if _is_found(row, query)]
    rows.sort(key=functools.cmp_to_key(lambda a, b: _compare(query, place(a, query), place(b, query))))
    offset = (query.page - 1) * query.per_page
    if behind is not None:
        rows = [row for row in rows if _compare(query, place(row, query), behind) > 0]
        offset = 0
    page = rows[offset : offset + query.per_page]
    has_more = len(rows) > offset + len(page) and bool(page)
    total = len(rows)
    pagination: dict[str, Any] = {
        "current_page": query.page,
        "per_page": query.per_page,
        "total": total,
        "total_pages": max(1, -(-total // query.per_page)),
        "last_page": max(1, -(-total // query.per_page)),
        "from": offset + 1 if page else None,
        "to": offset + len(page) if page else None,
    }
    if behind is not None:
        pagination = dict.fromkeys(pagination, None) | {"per_page": query.per_page}
    pagination |= {"count": len(page), "has_more": has_more}
    items = [_shown(tenant, row, query) for row in page]
    return Expected(200, items, pagination=pagination), place(page[-1], query) if has_more else None


def place(row: Any, query: Query) -> Place:
    """Return where a row stands in the order."""
    return tuple(_value(row, name) for name, _ in query.order)


def _rows(tenant: Tenant, noun: str) -> list[Any]:
    return list(tenant.contacts.values() if noun == "contacts" else tenant.labels[noun].values())


def _shown(tenant: Tenant, row: Contact | Label, query: Query) -> dict[str, Any]:
    item = (
        tenant.shown_label(query.noun, row) if isinstance(row, Label) else tenant.shown(row, query.includes)
    )
    if query.fields is None:
        return item
    kept = {"id", *query.fields, *(query.includes if query.noun == "contacts" else ())}
    return {name: value for name, value in item.items() if name in kept}


def _compare(query: Query, one: Place, other: Place) -> int:
    for (_, is_descending), a, b in zip(query.order, one, other, strict=True):
        if a != b:
            return -1 if (a < b) != is_descending else 1
    return 0


def _value(row: Contact | Label, name: str) -> Any:
    match name:
        case "id":
            return row.id
        case "created_at":
            return row.created
        case "updated_at":
            return row.updated
    return sort_key(row.fields[name] if isinstance(row, Contact) else row.name)


def _is_found(row: Contact | Label, query: Query) -> bool:
    words = query.search.lower().split()
    if isinstance(row, Label):
        texts = row.name.lower()
        return all(word in texts for word in words) and all(_holds(row.name, item) for item in query.filters)
    return all(_has_word(row, word) for word in words) and all(_passes(row, item) for item in query.filters)


def _has_word(contact: Contact, word: str) -> bool:
    """Tell whether a text has a word anywhere."""
    names = ("firstname", "lastname", "company", "email", "phone")
    return any(word in (contact.fields[name] or "").lower() for name in names)


def _passes(contact: Contact, item: Filter) -> bool:
    name, _, key = item.name.partition(".")
    if key:
        return _attribute_holds(contact.attributes.get(key), item)
    if name == "group_id":
        return _is_member(set(contact.groups), item)
    if name == "phone" and item.operator != "null":
        return _holds(contact.key, dataclasses.replace(item, values=_keys(item)))
    if name == "email" and item.operator not in {"null", "like"}:
        return _holds(contact.email, dataclasses.replace(item, values=tuple(map(folded, item.values))))
    return _holds(contact.fields[name], item)


def _is_member(members: set[int], item: Filter) -> bool:
    if item.operator == "null":
        return (not members) == bool(item.values[0])
    if item.operator == "eq":
        return members >= set(item.values)
    return bool(members & set(item.values)) == (item.operator == "in")


def _keys(item: Filter) -> tuple[str, ...]:
    """Return the numbers that phones mean."""
    return tuple(PHONES[text][1] for text in item.values)


def _holds(value: Any, item: Filter) -> bool:
    first = item.values[0]
    if item.operator == "null":
        return (value is None) == bool(first)
    if item.operator in {"in", "not_in", "ne"}:
        return (value is not None and value in item.values) == (item.operator == "in")
    return value is not None and _COMPARISONS[item.operator](value, item.values)


def _attribute_holds(value: Any, item: Filter) -> bool:
    if item.operator in {"eq", "in", "ne", "not_in"}:
        return any(_means(text, value) for text in item.values) == (item.operator in {"eq", "in"})
    if item.operator == "null" or value is None:
        return item.operator == "null" and (value is None) == bool(item.values[0])
    if item.operator == "like":
        return _holds(_sent(value), item)
    if all(_NUMBER.fullmatch(text) for text in item.values):
        numbers = dataclasses.replace(item, values=tuple(map(float, item.values)))
        return not isinstance(value, str | bool) and _holds(value, numbers)
    return isinstance(value, str) and _holds(value, item)


def _means(text: str, value: Any) -> bool:
    """Tell whether a text of a query means a value: 5 is the number and the text."""
    if isinstance(value, bool):
        return text == ("true" if value else "false")
    if isinstance(value, int | float):
        return bool(_NUMBER.fullmatch(text)) and float(text) == value
    return bool(text == value)


def _sent(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Unknown(NamedTuple):
    """A parameter that means nothing, how it is told, and what was perhaps meant."""

    pair: tuple[str, str]
    told: str
    meant: str | None = None


UNKNOWN_QUERIES = (
    Unknown(("limit", "5"), "limit", "per_page"),
    Unknown(("_", "1700000000"), "_"),
    Unknown(("filter[colour]", "x"), "filter[colour]"),
    Unknown(("sort[]", "-colour"), "sort=-colour"),
)
WRONG_QUERIES: Sequence[tuple[Mapping[str, str], Sequence[str]]] = (
    ({"page": "0"}, ["page"]),
    ({"page": "two", "per_page": "-1"}, ["page", "per_page"]),
    ({"cursor": "elsewhere"}, ["cursor"]),
    ({"search": " ".join("abcdefghijklmnopqrstuvw")}, ["search"]),
    ({"filter[created_at]": "yesterday"}, ["filter[created_at]"]),
)
WRONG_CONTACT_QUERIES: Sequence[tuple[Mapping[str, str], Sequence[str]]] = (
    ({"filter[status_id]": "new"}, ["filter[status_id]"]),
    ({"filter[source_id][between]": "1"}, ["filter[source_id][between]"]),
    ({"filter[group_id][gte]": "1"}, ["filter[group_id][gte]"]),
    ({"filter[assigned_id][null]": "perhaps", "page": "x"}, ["filter[assigned_id][null]", "page"]),
)
