"""The one list grammar of every noun: page, per_page, sort, search, filter, fields, include (api-v2 1.7-1.11).

`cursor` is ours: it continues behind the last row of a page, at the same cost however deep. `list_reading` reads the
parameters of a query into what is here.
"""

import datetime as dt
import enum
import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

DEFAULT_PER_PAGE = 15
MAX_PER_PAGE = 100
EXACT_TOTAL = 10_000
MAX_CURSOR = 8_192

Sorts = tuple[tuple[str, bool], ...]  # (name, descending)


class Kind(enum.Enum):
    """What a filterable field holds."""

    INTEGER = "integer"
    TEXT = "text"
    MOMENT = "moment"
    BOOLEAN = "boolean"
    ARRAY = "array"  # of ids; a condition is about its members
    JSON = "json"  # an object of scalars; conditions name a key: filter[attributes.key]
    PHONE = "phone"  # a number in any spelling; values are the keys by which phones are recognised
    EMAIL = "email"  # in any case of letters
    MESSAGE = "message"  # our id of a message, or WhatsApp's


class ListSpec(msgspec.Struct, frozen=True):
    """What one noun's list understands; names are the API's, `columns` those of the table where they differ.

    `fields`, which can be chosen, are those that an item of the API has. `texts` can be sorted by, and are sorted as
    people sort texts.
    """

    filters: Mapping[str, Kind]
    sorts: tuple[str, ...]
    default_sort: str
    includes: tuple[str, ...] = ()
    columns: Mapping[str, str] = {}
    fields: tuple[str, ...] = ()
    texts: frozenset[str] = frozenset()


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
    sorts: Sorts = ()
    search: str | None = None
    filters: tuple[Filter, ...] = ()
    fields: frozenset[str] | None = None
    includes: frozenset[str] = frozenset()
    cursor: tuple[Any, ...] | None = None  # the sort values and the tie-breaker of the row before

    @property
    def offset(self) -> int:
        """Return how many rows come before this page."""
        return (self.page - 1) * self.per_page


def write_cursor(sorts: Sorts, values: tuple[Any, ...], texts: frozenset[str] = frozenset()) -> str:
    """Return the text that names a place in a sort order: behind the row with these values."""
    return urlsafe_b64encode(msgspec.msgpack.encode([_digest(sorts, texts), *values])).rstrip(b"=").decode()


def read_cursor(text: str, sorts: Sorts, texts: frozenset[str] = frozenset()) -> tuple[Any, ...]:
    """Return the values that a cursor of this order holds; raises ValueError."""
    if len(text) > MAX_CURSOR or not text.isascii():
        raise ValueError("is not a cursor of this list")
    try:
        packed = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        digest, *values = msgspec.msgpack.decode(packed, type=list[Any])
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise ValueError("is not a cursor of this list") from None
    if digest != _digest(sorts, texts):
        raise ValueError("belongs to another sort order")
    is_sound = all(value is None or isinstance(value, int | float | str | dt.datetime) for value in values)
    if not is_sound or any(isinstance(value, str) and "\x00" in value for value in values):
        raise ValueError("is not a cursor of this list")
    return tuple(values)


def _digest(sorts: Sorts, texts: frozenset[str]) -> bytes:
    """Tell orders apart: that of texts is marked, as texts once had another one, in which a place means another."""
    order = ",".join(
        f"{'-' if is_descending else ''}{name}{'~' if name in texts else ''}" for name, is_descending in sorts
    )
    return hashlib.blake2s(order.encode(), digest_size=4).digest()


class Page(msgspec.Struct, frozen=True):
    """One page of rows with the size of the whole, which nobody counts for a page by cursor."""

    rows: list[Any]
    total: int | None
    is_total_estimated: bool
    next_cursor: str | None = None


def pagination(query: ListQuery, page: Page) -> dict[str, Any]:
    """Return the contract's pagination block (section 18, row 10); totals above 10,000 are marked as estimated.

    A page by cursor has no number and no total: whoever walks a list read them with its first page.
    """
    count = len(page.rows)
    is_numbered = query.cursor is None
    pages = None if page.total is None else max(1, -(-page.total // query.per_page))
    block: dict[str, Any] = {
        "current_page": query.page if is_numbered else None,
        "per_page": query.per_page,
        "count": count,
        "total": page.total,
        "total_pages": pages,
        "last_page": pages,
        "from": query.offset + 1 if count and is_numbered else None,
        "to": query.offset + count if count and is_numbered else None,
        "has_more": page.next_cursor is not None,
        "next_cursor": page.next_cursor,
    }
    if page.is_total_estimated:
        block["total_is_estimated"] = True
    return block
