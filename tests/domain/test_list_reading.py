import datetime as dt
from base64 import urlsafe_b64encode
from typing import Any
from urllib.parse import parse_qsl

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.list_reading import MAX_PAGE, parse
from rasl.domain.listing import MAX_PER_PAGE, Filter, Kind, ListQuery, ListSpec, write_cursor
from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed

SPEC = ListSpec(
    filters={
        "status": Kind.TEXT,
        "status_id": Kind.INTEGER,
        "created_at": Kind.MOMENT,
        "is_open": Kind.BOOLEAN,
        "group_id": Kind.ARRAY,
        "attributes": Kind.JSON,
        "phone": Kind.PHONE,
        "email": Kind.EMAIL,
        "message_id": Kind.MESSAGE,
    },
    sorts=("created_at", "name"),
    default_sort="-created_at",
    fields=("id", "name", "status"),
    includes=("groups", "source"),
)
_SET = "eq, ne, in, not_in and null are"
NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)


def _packed(value: Any) -> str:
    return urlsafe_b64encode(msgspec.msgpack.encode(value)).decode().rstrip("=")


def _filters(*pairs: tuple[str, str]) -> tuple[Filter, ...]:
    return parse(pairs, SPEC).filters


def _problems(*pairs: tuple[str, str]) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as caught:
        parse(pairs, SPEC)
    return caught.value.details


def test_a_bare_list_is_the_first_page_in_default_order() -> None:
    assert parse([], SPEC) == ListQuery(1, 15, (("created_at", True),))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("filter[status]", "sent", Filter("status", "eq", ("sent",))),
        ("filter[status][eq]", "sent", Filter("status", "eq", ("sent",))),
        ("filter[status_id]", "7", Filter("status_id", "eq", (7,))),
        ("filter[status_id]", "-7", Filter("status_id", "eq", (-7,))),
        ("filter[status_id]", str(MAX_ID), Filter("status_id", "eq", (MAX_ID,))),
        *(
            (f"filter[status_id][{operator}]", "7", Filter("status_id", operator, (7,)))
            for operator in ("ne", "gte", "lte", "gt", "lt")
        ),
        *(
            (f"filter[status_id][{alias}]", "7", Filter("status_id", operator, (7,)))
            for alias, operator in (("!=", "ne"), (">=", "gte"), ("<=", "lte"), (">", "gt"), ("<", "lt"))
        ),
        ("filter[status][like]", "50%_", Filter("status", "like", ("50%_",))),
        ("filter[status_id][like]", "x", Filter("status_id", "like", ("x",))),
        ("filter[status_id][in]", "1, 2 ,3", Filter("status_id", "in", (1, 2, 3))),
        ("filter[status_id][in]", "1,,2,", Filter("status_id", "in", (1, 2))),
        ("filter[status][in]", ",", Filter("status", "in", ())),
        ("filter[status][not_in]", "sent,read", Filter("status", "not_in", ("sent", "read"))),
        ("filter[status_id][between]", "1,9", Filter("status_id", "between", (1, 9))),
        ("filter[status_id][between]", "9,1", Filter("status_id", "between", (9, 1))),
        ("filter[status][null]", "true", Filter("status", "null", (True,))),
        ("filter[status][null]", "FALSE", Filter("status", "null", (False,))),
        ("filter[created_at][null]", "1", Filter("created_at", "null", (True,))),
        ("filter[created_at][null]", "0", Filter("created_at", "null", (False,))),
        ("filter[is_open]", "TRUE", Filter("is_open", "eq", (True,))),
        ("filter[is_open][in]", "0,1", Filter("is_open", "in", (False, True))),
        ("filter[group_id]", "3", Filter("group_id", "eq", (3,))),
        ("filter[group_id][in]", "3,9", Filter("group_id", "in", (3, 9))),
        ("filter[group_id][not_in]", "3,9", Filter("group_id", "not_in", (3, 9))),
        ("filter[group_id][null]", "true", Filter("group_id", "null", (True,))),
        ("filter[attributes.k]", "5", Filter("attributes", "eq", ("5",), "k")),
        ("filter[attributes.a b.c][>]", "5", Filter("attributes", "gt", ("5",), "a b.c")),
        ("filter[attributes.k][null]", "0", Filter("attributes", "null", (False,), "k")),
    ],
)
def test_it_reads_every_operator_and_alias(name: str, value: str, expected: Filter) -> None:
    assert _filters((name, value)) == (expected,)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-04", dt.datetime(2026, 3, 4, tzinfo=dt.UTC)),
        ("2026-03-04T12:00:00Z", NOON),
        ("2026-03-04T12:00:00", NOON),  # without a zone: UTC
        ("2026-03-04T14:00:00+02:00", NOON),
        ("2026-03-04T14:00:00 02:00", NOON),  # a plus that nobody encoded
        ("2026-03-04T12:00:00.000000Z", NOON),
        (" 2026-03-04 ", dt.datetime(2026, 3, 4, tzinfo=dt.UTC)),
    ],
)
def test_it_reads_moments(text: str, moment: dt.datetime) -> None:
    assert _filters(("filter[created_at][gte]", text)) == (Filter("created_at", "gte", (moment,)),)


def test_two_conditions_on_one_field_both_hold() -> None:
    pairs = (("filter[status_id][gt]", "1"), ("filter[status_id][lt]", "9"), ("filter[status_id]", "5"))
    assert [item.operator for item in _filters(*pairs)] == ["gt", "lt", "eq"]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("filter[status_id]", "seven", "must be an integer"),
        ("filter[status_id]", "1.5", "must be an integer"),
        ("filter[status_id]", "1_000", "must be an integer"),
        ("filter[status_id]", "\u0667", "must be an integer"),
        ("filter[status_id]", str(MAX_ID + 1), "must be an integer"),
        ("filter[status_id]", "9" * 5000, "must be an integer"),
        ("filter[status_id][in]", "1,x", "must be an integer"),
        ("filter[status_id][in]", ",".join("1" * 1001), "takes at most 1000 values"),
        ("filter[status_id][between]", "1", "needs two values, separated by a comma"),
        ("filter[status_id][between]", "1,2,3", "needs two values, separated by a comma"),
        ("filter[status_id][between]", "1,x", "must be an integer"),
        ("filter[status][null]", "yes", "must be true or false"),
        ("filter[created_at]", "yesterday", "must be an ISO 8601 date or time"),
        ("filter[created_at]", "2026-13-01", "must be an ISO 8601 date or time"),
        ("filter[created_at]", "0001-01-01T00:00:00+14:00", "must be an ISO 8601 date or time"),
        ("filter[created_at]", "9999-12-31T23:59:59-14:00", "must be an ISO 8601 date or time"),
        ("filter[created_at][between]", "2026-01-01,soon", "must be an ISO 8601 date or time"),
        ("filter[is_open]", "yes", "must be true or false"),
        ("filter[group_id]", "x", "must be an integer"),
        *(
            (f"filter[{name}][{operator}]", "1", "has an operator that is not for this field: " + _SET)
            for name in ("group_id", "is_open")
            for operator in ("gt", "gte", "lt", "lte", ">", "<", ">=", "<=", "like", "between")
        ),
        ("filter[attributes.a\x00b]", "1", "must not contain NUL characters"),
        ("search", "a " * 21, "takes at most 20 words"),
        ("q", "a " * 21, "takes at most 20 words"),
        *(
            ("cursor", cursor, "is not a cursor of this list")
            for cursor in (
                "x",
                "....",
                "AAAA",
                "kw",
                "\u0661",
                "a" * 8193,
                "gaFh",
                _packed([]),
                _packed({}),
            )
        ),
        ("cursor", write_cursor((("name", False),), (1,)), "belongs to another sort order"),
        ("cursor", write_cursor((("created_at", True),), ([1],)), "is not a cursor of this list"),
        ("cursor", write_cursor((("created_at", True),), ("\x00",)), "is not a cursor of this list"),
        ("filter[status]", "a\x00b", "must not contain NUL characters"),
        ("search", "\x00", "must not contain NUL characters"),
        ("page", "\x00", "must not contain NUL characters"),
        ("page", "0", f"must be between 1 and {MAX_PAGE}"),
        ("page", "-1", f"must be between 1 and {MAX_PAGE}"),
        ("page", str(MAX_PAGE + 1), f"must be between 1 and {MAX_PAGE}"),
        ("page", "two", "must be an integer"),
        ("page", "1e3", "must be an integer"),
        ("page", "9" * 5000, "must be an integer"),
        ("per_page", "0", f"must be between 1 and {MAX_ID}"),
        ("per_page", "-5", f"must be between 1 and {MAX_ID}"),
        ("per_page", "many", "must be an integer"),
    ],
)
def test_a_wrong_value_is_reported_under_its_own_name(name: str, value: str, problem: str) -> None:
    assert _problems((name, value)) == {name: [f"The {name} parameter {problem}"]}


def test_every_wrong_parameter_is_named_at_once() -> None:
    pairs = [("page", "x"), ("per_page", "y"), ("filter[status_id]", "z"), ("filter[created_at][gt]", "w")]
    assert set(_problems(*pairs)) == {name for name, _ in pairs}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 15),
        (" ", 15),
        ("1", 1),
        ("+7", 7),
        ("100", 100),
        ("101", 100),
        *((text, MAX_PER_PAGE) for text in (str(MAX_ID), "9" * 30, "9" * 5000)),
    ],
)
def test_per_page_is_15_unless_given_and_never_above_100(text: str, expected: int) -> None:
    assert parse([("per_page", text)], SPEC).per_page == expected


@pytest.mark.parametrize(
    ("page", "per_page", "offset"), [("1", "15", 0), ("2", "15", 15), (str(MAX_PAGE), "100", 214748364600)]
)
def test_a_page_knows_how_many_rows_come_before_it(page: str, per_page: str, offset: int) -> None:
    assert parse([("page", page), ("per_page", per_page)], SPEC).offset == offset


@pytest.mark.parametrize(
    ("text", "sorts"),
    [
        ("name", (("name", False),)),
        ("-name", (("name", True),)),
        ("name,-created_at", (("name", False), ("created_at", True))),
        (" name , created_at ", (("name", False), ("created_at", False))),
        ("password,-name", (("name", True),)),
        ("password", (("created_at", True),)),
        ("--name", (("created_at", True),)),
        ("name; drop table messages", (("created_at", True),)),
        (",", (("created_at", True),)),
        ("name,-name", (("name", False),)),
        ("", (("created_at", True),)),
    ],
)
def test_it_sorts_by_known_names_only(text: str, sorts: tuple[tuple[str, bool], ...]) -> None:
    assert parse([("sort", text)], SPEC).sorts == sorts


@pytest.mark.parametrize(
    ("pairs", "search"),
    [
        ([("search", "parcel")], "parcel"),
        ([("q", " parcel ")], "parcel"),
        ([("search", "parcel"), ("q", "other")], "parcel"),
        ([("search", ""), ("q", "other")], "other"),
        ([("search", "  ")], None),
        ([], None),
    ],
)
def test_search_has_an_alias(pairs: list[tuple[str, str]], search: str | None) -> None:
    assert parse(pairs, SPEC).search == search


@pytest.mark.parametrize(
    ("pairs", "fields", "includes"),
    [
        ([], None, frozenset()),
        ([("fields", "id, name")], {"id", "name"}, frozenset()),
        ([("fields", "secret")], frozenset(), frozenset()),
        ([("fields", "")], None, frozenset()),
        ([("fields", "name,groups"), ("include", "groups")], {"name", "groups"}, {"groups"}),
        ([("fields[]", "id"), ("fields[]", "name")], {"id", "name"}, frozenset()),
        ([("fields", "id"), ("fields", "name")], {"id", "name"}, frozenset()),
        ([("include[0]", "groups"), ("include[1]", "source")], None, {"groups", "source"}),
        ([("include", "groups,owner,source")], None, {"groups", "source"}),
    ],
)
def test_fields_and_includes_are_known_names(
    pairs: list[tuple[str, str]], fields: frozenset[str] | None, includes: frozenset[str]
) -> None:
    query = parse(pairs, SPEC)
    assert (query.fields, query.includes) == (fields, includes)


@pytest.mark.parametrize(
    "name",
    [
        "filter[colour]",
        "filter[]",
        "filter",
        "filter[.key]",
        "offset",
        "",
        "__proto__",
    ],
)
def test_unknown_names_are_ignored(name: str) -> None:
    assert parse([(name, "x")], SPEC) == parse([], SPEC)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                ["page", "per_page", "sort", "cursor", "filter[status_id][in]", "filter[attributes.k][gt]"]
            )
            | st.text(),
            st.text(),
        )
    )
)
def test_whatever_is_sent_is_understood_or_refused(pairs: list[tuple[str, str]]) -> None:
    try:
        query = parse(pairs, SPEC)
    except ValidationFailed as error:
        unnamed = error.details.keys() - {name for name, _ in pairs}
    else:
        unnamed = set()
        assert 1 <= query.page <= MAX_PAGE
        assert 1 <= query.per_page <= MAX_PER_PAGE
    assert not unnamed


_IGNORED = [
    ("limit=5", "limit", "per_page"),
    ("perPage=5", "perPage", "per_page"),
    ("page[size]=5", "page[size]", "per_page"),
    ("order_by=name", "order_by", "sort"),
    ("saerch=x", "saerch", "search"),
    ("status=sent", "status", "filter[status]"),
    ("frobnicate=1", "frobnicate", None),
    ("frobnicate=", "frobnicate", None),
    ("filter[statu_id]=3", "filter[statu_id]", "filter[status_id]"),
    ("filter[statu_id][in]=3", "filter[statu_id][in]", "filter[status_id][in]"),
    ("filter[statusId][>=]=3", "filter[statusId][>=]", "filter[status_id][>=]"),
    ("filter[attribute.tier]=3", "filter[attribute.tier]", "filter[attributes.tier]"),
    ("filter[groups]=3", "filter[groups]", "filter[group_id]"),
    ("filter[colour]=3", "filter[colour]", None),
    ("filter[]=3", "filter[]", None),
    ("filter=3", "filter", None),
    ("sort=-nmae", "sort=-nmae", "sort=-name"),
    ("sort=name:desc", "sort=name:desc", "sort=-name"),
    ("sort=password,name", "sort=password", None),
    ("fields=nmae,id", "fields=nmae", "fields=name"),
    ("fields=groups", "fields=groups", "include=groups"),
    ("include=group", "include=group", "include=groups"),
    ("include[]=owner", "include=owner", None),
]


@pytest.mark.parametrize(("query_string", "name", "meant"), _IGNORED)
def test_a_name_that_means_nothing_is_told_with_what_was_perhaps_meant(
    query_string: str, name: str, meant: str | None
) -> None:
    told: list[tuple[str, str | None]] = []
    pairs = parse_qsl(query_string, keep_blank_values=True)
    parse(pairs, SPEC, ignore=lambda *about: told.append(about))
    assert told == [(name, meant)]


@pytest.mark.parametrize(("query_string", "name", "meant"), _IGNORED)
def test_whoever_is_strict_has_it_refused(query_string: str, name: str, meant: str | None) -> None:
    with pytest.raises(ValidationFailed) as caught:
        parse([*parse_qsl(query_string, keep_blank_values=True), ("page", "x")], SPEC, is_strict=True)
    what = f": {meant} is" if meant else ""
    assert caught.value.details == {
        name: [f"The {name} parameter is not known here{what}"],
        "page": ["The page parameter must be an integer"],
    }


def test_a_thousand_strange_names_cost_no_time_and_are_not_all_told() -> None:
    told: list[str] = []
    names = ",".join(f"{'x' * 50}{number}" for number in range(20_000))
    parse([("sort", names), ("fields", names)], SPEC, ignore=lambda name, _: told.append(name))
    assert len(told) == 100


def test_a_list_may_know_fewer_parameters() -> None:
    told: list[str] = []
    query = parse(
        [("page", "x"), ("sort[]", "name"), ("search", "y"), ("filter[status]", "z")],
        SPEC,
        known=("search",),
        ignore=lambda name, _: told.append(name),
    )
    assert told == ["page", "sort[]"]
    assert query == parse([("search", "y"), ("filter[status]", "z")], SPEC)
