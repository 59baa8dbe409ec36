"""Rate cards are read whole, or every mistake in them is named."""

import datetime as dt
from decimal import Decimal

import pytest

from rasl.domain.rate_cards import KeptCard, RateCardError, periods, read_cards
from rasl.services.operators.rates import SAMPLE

HEAD = "valid_from,country,category,type,price,currency"
GOOD = "2026-10-01,GB,marketing,regular,0.05,USD"


def cards(*lines: str) -> list[tuple[str, str, int]]:
    found = read_cards("\n".join(lines).encode())
    return [(card.valid_from.isoformat(), card.currency, len(card.rates)) for card in found]


def test_a_card_is_read_with_groups_of_countries_and_the_rest() -> None:
    text = """Country;Price;Currency;Valid_From;Category
at be;0.1;eur;2026-10-01;marketing
*;0.25;EUR;2026-10-01;authentication-international
GB;3;USD;2027-01-01;utility
"""
    october, january = read_cards(text.encode("utf-8-sig"))
    assert (october.valid_from, october.currency) == (dt.date(2026, 10, 1), "EUR")
    assert [(it.country, it.category, it.type, it.price) for it in october.rates] == [
        ("AT", "marketing", "regular", Decimal("0.1")),
        ("BE", "marketing", "regular", Decimal("0.1")),
        ("*", "authentication_international", "regular", Decimal("0.25")),
    ]
    assert (january.currency, len(january.rates)) == ("USD", 1)


def test_the_sample_is_a_rate_card() -> None:
    assert [card.currency for card in read_cards(SAMPLE.read_bytes())] == ["USD"]


@pytest.mark.parametrize(
    ("lines", "mistakes"),
    [
        ([HEAD, "01.10.2026,GB,marketing,regular,0.05,USD"], ["row 2, valid_from: "]),
        ([HEAD, "2026-02-30,GB,marketing,regular,0.05,USD"], ["row 2, valid_from: "]),
        ([HEAD, GOOD, "2026-10-01,UK,marketing,regular,0.05,USD"], ['row 3, country: "UK" must be', '"GB"']),
        ([HEAD, "2026-10-01,GB *,marketing,regular,0.05,USD"], ["row 2, country: * "]),
        ([HEAD, "2026-10-01,,marketing,regular,0.05,USD"], ["row 2, country: is empty"]),
        ([HEAD, "2026-10-01,GB,marketting,regular,0.05,USD"], ["row 2, category: ", "did you mean marketing?"]),
        ([HEAD, "2026-10-01,GB,,regular,0.05,USD"], ["row 2, category: the empty cell"]),
        ([HEAD, "2026-10-01,GB,marketing,regulr,0.05,USD"], ["row 2, type: ", "regular?"]),
        ([HEAD, '2026-10-01,GB,marketing,regular,"0,05",USD'], ['row 2, price: "0,05" is no price']),
        ([HEAD, "2026-10-01,GB,marketing,regular,0,05,USD"], ["row 2: has more cells"]),
        ([HEAD, "2026-10-01,GB,marketing,regular,-1,USD"], ["row 2, price: "]),
        ([HEAD, "2026-10-01,GB,marketing,regular,1e3,USD"], ["row 2, price: "]),
        ([HEAD, "2026-10-01,GB,marketing,regular,0.05,$"], ["row 2, currency: "]),
        ([HEAD, "2026-10-01,GB,marketing,regular"], ["row 2, price: the empty cell", "row 2, currency: "]),
        ([HEAD, GOOD, "2026-10-01,IN,marketing,regular,0.05,EUR"], ["row 3, currency: is EUR, but USD in row 2"]),
        ([HEAD, GOOD, "2026-10-01,AT GB,marketing,,0.07,USD"], ["row 3, country: GB has a price", "in row 2 already"]),
        ([HEAD, "x,GB,marketing,regular,y,USD", "2026-10-01,GB,y y,regular,1,USD"],
         ["row 2, valid_from", "row 2, price", "row 3, category"]),
        ([HEAD], ["row 2: there is no rate"]),
        ([""], ["The file is empty"]),
        (["valid_from,country,category,cost,currency", GOOD], ["row 1, price: the column is", "row 1, cost: is no"]),
        ([f"{HEAD},price", GOOD], ["row 1, price: the column is there twice"]),
        ([HEAD, f'{GOOD}"', '"'], ["Row 3 cannot be read"]),
    ],
)  # fmt: skip
def test_every_bad_row_and_column_is_named(lines: list[str], mistakes: list[str]) -> None:
    with pytest.raises(RateCardError) as caught:
        cards(*lines)
    told = "\n".join(map(str, caught.value.mistakes))
    for mistake in mistakes:
        assert mistake in told, told


def kept(owner_id: int, day: str) -> KeptCard:
    return KeptCard(owner_id, int(day[-2:]), "USD", "card", dt.date.fromisoformat(day))


@pytest.mark.parametrize(
    ("own", "general", "found"),
    [
        ([], [], []),
        ([], ["2026-01-02", "2026-01-01"], ["0 2026-01-01 2026-01-01", "0 2026-01-02 9999-12-31"]),
        (
            ["2026-03-01"],
            ["2026-01-01", "2026-06-01"],
            ["0 2026-01-01 2026-02-28", "7 2026-03-01 9999-12-31"],
        ),
        (["2026-03-01"], ["2026-03-01"], ["7 2026-03-01 9999-12-31"]),
    ],
)
def test_a_tenants_own_cards_take_over_from_their_first_day(
    own: list[str], general: list[str], found: list[str]
) -> None:
    made = periods([kept(7, day) for day in own], [kept(0, day) for day in general])
    assert [f"{it.owner_id} {it.since} {it.until}" for it in made] == found
