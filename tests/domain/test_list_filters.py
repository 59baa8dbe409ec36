"""Filters in the forms that clients send."""

from typing import Any
from urllib.parse import parse_qsl

import pytest

from rasl.domain.list_reading import parse
from rasl.domain.listing import Filter
from rasl.errors import ValidationFailed
from tests.domain.test_list_reading import NOON, SPEC


def _problems(*pairs: tuple[str, str]) -> dict[str, Any]:
    with pytest.raises(ValidationFailed) as caught:
        parse(pairs, SPEC)
    return caught.value.details


def _understood(query_string: str) -> tuple[Filter, ...]:
    return parse(parse_qsl(query_string, keep_blank_values=True), SPEC, country="GB").filters


_GTE = Filter("status_id", "gte", (8,))
_GUESTS = Filter("status", "in", ("guest", "lead"))


@pytest.mark.parametrize(
    ("query_string", "expected"),
    [
        # an operator that nobody encoded is cut at its equals sign
        ("filter[status_id][>=]=8", [_GTE]),
        ("filter%5Bstatus_id%5D%5B%3E=%5D=8", [_GTE]),
        ("filter[status_id][>%3D]=8", [_GTE]),
        ("filter[status_id][>=][]=8", [_GTE]),
        ("filter[status_id][<=]=8", [Filter("status_id", "lte", (8,))]),
        ("filter[status_id][!=]=8", [Filter("status_id", "ne", (8,))]),
        ("filter[status_id][=]=8", [Filter("status_id", "eq", (8,))]),
        ("filter[status_id][==]=8", [Filter("status_id", "eq", (8,))]),
        ("filter[status_id][<>]=8", [Filter("status_id", "ne", (8,))]),
        ("filter[status_id][GTE]=8", [_GTE]),
        ("filter[status_id][>=", []),
        ("filter[status_id][>=]", []),
        ("filter[status_id][>=]=", []),
        ("filter[created_at][>=]=2026-03-04T14:00:00+02:00", [Filter("created_at", "gte", (NOON,))]),
        ("filter[attributes.a=b]=5", [Filter("attributes", "eq", ("5",), "a=b")]),
        ("filter[attributes.a=b][!=]=5", [Filter("attributes", "ne", ("5",), "a=b")]),
        # lists, as PHP, jQuery and axios write them
        ("filter[status][]=guest&filter[status][]=lead", [_GUESTS]),
        ("filter[status][0]=guest&filter[status][1]=lead", [_GUESTS]),
        ("filter[status][in][]=guest&filter[status][in][]=lead", [_GUESTS]),
        ("filter[status][in][0]=guest&filter[status][in][7]=lead", [_GUESTS]),
        ("filter[status][in]=guest&filter[status][in]=lead", [_GUESTS]),
        ("filter[status]=guest&filter[status]=lead", [_GUESTS]),
        ("filter[status]=guest&filter[status]=", [Filter("status", "eq", ("guest",))]),
        ("filter[status][]=guest", [Filter("status", "eq", ("guest",))]),
        ("filter[status][in][]=guest", [Filter("status", "in", ("guest",))]),
        ("filter[status][in]=guest,&filter[status][in]=lead", [_GUESTS]),
        ("filter[status][ne]=a&filter[status][!=]=b", [Filter("status", "not_in", ("a", "b"))]),
        ("filter[status][not_in][]=a&filter[status][not_in][]=b", [Filter("status", "not_in", ("a", "b"))]),
        (
            "filter[status_id][between][]=1&filter[status_id][between][]=9",
            [Filter("status_id", "between", (1, 9))],
        ),
        (
            "filter[status_id][between]=1,9&filter[status_id][between]=2,3",
            [Filter("status_id", "between", (1, 9)), Filter("status_id", "between", (2, 3))],
        ),
        ("filter[status_id][gte][]=8", [_GTE]),
        (
            "filter[status_id][gt]=1&filter[status_id][gt]=2",
            [Filter("status_id", "gt", (1,)), Filter("status_id", "gt", (2,))],
        ),
        # who names two groups without a list asks for both
        (
            "filter[group_id]=3&filter[group_id]=9",
            [Filter("group_id", "eq", (3,)), Filter("group_id", "eq", (9,))],
        ),
        ("filter[group_id][]=3&filter[group_id][]=9", [Filter("group_id", "in", (3, 9))]),
        # attributes in brackets
        ("filter[attributes][tier]=gold", [Filter("attributes", "eq", ("gold",), "tier")]),
        ("filter[attributes][visits][gte]=5", [Filter("attributes", "gte", ("5",), "visits")]),
        (
            "filter[attributes][tier][]=gold&filter[attributes][tier][]=5",
            [Filter("attributes", "in", ("gold", "5"), "tier")],
        ),
        ("filter[attributes][in]=gold", [Filter("attributes", "eq", ("gold",), "in")]),
        # empty is as if it were not given
        *(
            (f"filter[status]{operator}=", [])
            for operator in ("", "[]", "[in]", "[like]", "[between]", "[null]", "[ne]")
        ),
        ("filter[status_id]=%20&page=&per_page=&sort=&fields=&include=&cursor=&search=", []),
        # trimmed
        (
            "filter[status]=+lead+&filter[status_id]=%208",
            [Filter("status", "eq", ("lead",)), Filter("status_id", "eq", (8,))],
        ),
        # identities
        *(
            (f"filter[phone]={text}", [Filter("phone", "eq", ("442079460011",))])
            for text in (
                "442079460011",
                "%2B44%2020%207946-0011",
                "+442079460011",
                "(020)%207946%200011",
                "0044%2020%207946%200011",
            )
        ),
        ("filter[phone]=5215512345678", [Filter("phone", "eq", ("525512345678",))]),
        (
            "filter[phone][in]=020 7946 0011,+442079460012",
            [Filter("phone", "in", ("442079460011", "442079460012"))],
        ),
        ("filter[email]=%20Priya@Harbour.TEST", [Filter("email", "eq", ("priya@harbour.test",))]),
        ("filter[email][like]=HARBOUR", [Filter("email", "like", ("HARBOUR",))]),
        ("filter[message_id]=9031", [Filter("message_id", "eq", (9031,))]),
        ("filter[message_id]=wamid.HB+gM/A==", [Filter("message_id", "eq", ("wamid.HB+gM/A==",))]),
        ("filter[message_id][in]=9031,wamid.A", [Filter("message_id", "in", (9031, "wamid.A"))]),
    ],
)
def test_every_form_whose_meaning_is_plain_is_understood(query_string: str, expected: list[Filter]) -> None:
    assert list(_understood(query_string)) == expected


_ALL = "eq, ne, in, not_in, gte, lte, gt, lt, between, like and null are"
_FORM = "is not written as filter[field]=value or filter[field][operator]=value"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("filter[status][near]", f"has an operator that is not known: {_ALL}"),
        ("filter[status][>==]", f"has an operator that is not known: {_ALL}"),
        ("filter[status", _FORM),
        ("filter[status]x", _FORM),
        ("filter[status][in][x]", _FORM),
        ("filter[status][[in]]", _FORM),
        ("filter[status.key]", _FORM),
        ("filter[attributes]", "needs a key: filter[attributes.key]"),
        ("filter[attributes][]", "needs a key: filter[attributes.key]"),
        ("filter[phone][gte]", "has an operator that is not for this field: eq, ne, in, not_in and null are"),
        ("filter[message_id][null]", "has an operator that is not for this field: eq, ne, in and not_in are"),
        (
            "filter[email][gt]",
            "has an operator that is not for this field: eq, ne, in, not_in, like and null are",
        ),
    ],
)
def test_a_field_that_is_known_never_goes_out_of_account(name: str, problem: str) -> None:
    assert _problems((name, "1")) == {name: [f"The {name} parameter {problem}"]}


@pytest.mark.parametrize(
    ("query_string", "names"),
    [
        ("filter[phone]=priya", ["filter[phone]"]),
        ("filter[phone]=020 7946 0011", ["filter[phone]"]),  # of no country
        ("filter[status_id][gte][]=1&filter[status_id][gte][]=2", ["filter[status_id][gte][]"]),
        ("filter[status_id][between]=1,2&filter[status_id][between]=3", ["filter[status_id][between]"]),
        (
            "filter[status_id][]=1&filter[status_id][]=x&filter[is_open]=y",
            ["filter[status_id][]", "filter[is_open]"],
        ),
        ("filter[status_id][>=]=x", ["filter[status_id][>=]"]),
    ],
)
def test_what_is_wrong_in_such_a_form_is_told_under_its_name(query_string: str, names: list[str]) -> None:
    assert list(_problems(*parse_qsl(query_string))) == names
