import datetime as dt
from base64 import urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.listing import ListQuery, Page, pagination, read_cursor, write_cursor
from rasl.domain.validation import MAX_ID

NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("page", "per_page", "rows", "total", "expected"),
    [
        (1, 15, 15, 37, (1, 15, 37, 3, 1, 15)),
        (3, 15, 7, 37, (3, 15, 37, 3, 31, 37)),
        (2, 10, 10, 20, (2, 10, 20, 2, 11, 20)),
        (9, 15, 0, 37, (9, 15, 37, 3, None, None)),
        (1, 15, 0, 0, (1, 15, 0, 1, None, None)),
    ],
)
def test_the_pagination_block_says_where_the_page_stands(
    page: int, per_page: int, rows: int, total: int, expected: tuple[int | None, ...]
) -> None:
    block = pagination(ListQuery(page, per_page), Page([None] * rows, total, is_total_estimated=False))
    names = ("current_page", "per_page", "total", "last_page", "from", "to")
    numbers = dict(zip(names, expected, strict=True))
    more = {"count": rows, "total_pages": numbers["last_page"], "has_more": False, "next_cursor": None}
    assert block == {**numbers, **more}


def test_an_estimated_total_is_marked() -> None:
    block = pagination(ListQuery(), Page([None] * 15, 123_456, is_total_estimated=True))
    assert block["total_is_estimated"] is True


def test_a_page_by_cursor_has_neither_number_nor_total() -> None:
    query = ListQuery(cursor=(NOON, 5))
    block = pagination(query, Page([None] * 15, None, is_total_estimated=False, next_cursor="abc"))
    numbers = dict.fromkeys(("current_page", "total", "total_pages", "last_page", "from", "to"))
    assert block == {**numbers, "per_page": 15, "count": 15, "has_more": True, "next_cursor": "abc"}


_VALUES = (
    st.none()
    | st.integers(-MAX_ID, MAX_ID)
    | st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=200)
    | st.datetimes(timezones=st.just(dt.UTC))
)


@given(st.lists(_VALUES, max_size=4))
def test_a_cursor_says_what_was_written(values: list[Any]) -> None:
    sorts = (("created_at", True),)
    assert read_cursor(write_cursor(sorts, tuple(values)), sorts) == tuple(values)


@pytest.mark.parametrize(
    ("sorts", "texts", "is_same"),
    [
        ((("name", False),), frozenset(), False),
        ((("name", False),), frozenset({"name"}), True),
        ((("name", True),), frozenset({"name"}), False),
        ((("name", False), ("at", True)), frozenset({"name"}), False),
        # What texts there are elsewhere makes no difference.
        ((("name", False),), frozenset({"name", "city"}), True),
    ],
)
def test_a_cursor_belongs_to_one_order_and_texts_have_another_than_their_bytes(
    sorts: tuple[tuple[str, bool], ...], texts: frozenset[str], is_same: bool
) -> None:
    cursor = write_cursor((("name", False),), ("bob", 5), frozenset({"name"}))
    if is_same:
        assert read_cursor(cursor, sorts, texts) == ("bob", 5)
    else:
        with pytest.raises(ValueError, match="belongs to another sort order"):
            read_cursor(cursor, sorts, texts)


@given(st.binary(max_size=60))
def test_whatever_a_cursor_holds_is_refused(packed: bytes) -> None:
    with pytest.raises(ValueError, match=r"is not a cursor of this list|belongs to another"):
        read_cursor(urlsafe_b64encode(packed).decode(), (("created_at", True),))
