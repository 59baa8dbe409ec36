"""Rate cards: CSV files of prices, read whole or not at all.

    valid_from,country,category,type,price,currency
    2026-10-01,GB,marketing,regular,0.0529,USD
    2026-10-01,AT BE CH,marketing,regular,0.0592,USD
    2026-10-01,*,marketing,regular,0.0604,USD

A cell of countries may name several, as Meta prices groups of them ("Rest of Western Europe"); * is every other one.
"""

import datetime as dt
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from rasl.domain import countries
from rasl.domain.costs import CATEGORIES, FREE_TYPES, REGULAR, word_of
from rasl.domain.csv_files import CsvFile, meant
from rasl.domain.validation.names import nearest
from rasl.errors import ValidationFailed

COLUMNS = ("valid_from", "country", "category", "type", "price", "currency")
REST = "*"
_TYPES = (REGULAR, *FREE_TYPES)
_DATE = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")
_PRICE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,8})?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_MOST_ROWS = 100_000
_CLOSE = 0.85


class Rate(msgspec.Struct, frozen=True):
    """The price of one message."""

    country: str
    category: str
    type: str
    price: Decimal


class Card(msgspec.Struct, frozen=True):
    """All rates that are valid from a day on."""

    valid_from: dt.date
    currency: str
    rates: Sequence[Rate]


class Mistake(NamedTuple):
    """What is wrong in a file, and where: rows as spreadsheets number them, the first has the headings.

    Of a file that is no CSV at all the problem says where; the row is 0.
    """

    row: int
    column: str
    problem: str

    def __str__(self) -> str:
        """Say it in a line."""
        place = ", ".join(filter(None, (f"row {self.row}" if self.row else "", self.column)))
        return ": ".join(filter(None, (place, self.problem)))


class RateCardError(Exception):
    """A file that is no rate card, with all its mistakes."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(f"{len(mistakes)} mistakes")
        self.mistakes = mistakes


def read_cards(content: bytes) -> list[Card]:
    """Read the cards of a file, one for each day that rows are valid from; raises RateCardError with all mistakes."""
    try:
        return _read(CsvFile(io.BytesIO(content)))
    except ValidationFailed as error:
        problems = [str(problem) for found in error.details.values() for problem in found]
        raise RateCardError([Mistake(0, "", problem) for problem in problems]) from None


def _read(file: CsvFile) -> list[Card]:
    headings = [heading.lower() for heading in file.headers]
    if mistakes := _wrong_headings(headings):
        raise RateCardError(mistakes)
    reading = _Reading()
    for number, cells in file.rows():
        if number > _MOST_ROWS:
            reading.mistakes.append(Mistake(number, "", f"a rate card has at most {_MOST_ROWS} rows"))
            break
        reading.read(
            number,
            dict(zip(headings, (meant(cell) for cell in cells), strict=False)),
            len(cells) - len(headings),
        )
    if not reading.rates and not reading.mistakes:
        reading.mistakes.append(Mistake(2, "", "there is no rate below the headings"))
    if reading.mistakes:
        raise RateCardError(reading.mistakes)
    return [
        Card(valid_from, reading.currencies[valid_from][0], tuple(rates.values()))
        for valid_from, rates in sorted(reading.rates.items())
    ]


def _wrong_headings(headings: Sequence[str]) -> list[Mistake]:
    wrong = [
        Mistake(1, name, "the column is missing")
        for name in COLUMNS
        if name not in headings and name != "type"
    ]
    for name in dict.fromkeys(headings):
        if name not in COLUMNS:
            wrong.append(Mistake(1, name, f"is no column of a rate card: those are {', '.join(COLUMNS)}"))
        elif headings.count(name) > 1:
            wrong.append(Mistake(1, name, "the column is there twice"))
    return wrong


class _Reading:
    """The rows of a file so far: their rates by day, and what is wrong in them."""

    def __init__(self) -> None:
        self.mistakes: list[Mistake] = []
        self.rates: dict[dt.date, dict[tuple[str, str, str], Rate]] = {}
        self.currencies: dict[dt.date, tuple[str, int]] = {}
        self._rows: dict[tuple[dt.date, str, str, str], int] = {}

    def read(self, number: int, cells: Mapping[str, str], surplus: int) -> None:
        """Take a row."""
        if surplus > 0:
            self.mistakes.append(
                Mistake(number, "", "has more cells than there are headings: is a comma in a price?")
            )
            return
        values: dict[str, Any] = {}
        for column, understand in _UNDERSTOOD.items():
            try:
                values[column] = understand(cells.get(column, ""))
            except ValueError as error:
                self.mistakes.append(Mistake(number, column, str(error)))
        if len(values) == len(_UNDERSTOOD):
            self._take(number, values)

    def _take(self, number: int, values: Mapping[str, Any]) -> None:
        valid_from, currency = values["valid_from"], values["currency"]
        first, its_row = self.currencies.setdefault(valid_from, (currency, number))
        if first != currency:
            problem = f"is {currency}, but {first} in row {its_row}: a rate card has one currency"
            self.mistakes.append(Mistake(number, "currency", problem))
        rates = self.rates.setdefault(valid_from, {})
        for code in values["country"]:
            key = code, values["category"], values["type"]
            earlier = self._rows.setdefault((valid_from, *key), number)
            if key in rates:
                problem = f"{code} has a price for {key[1]}, {key[2]} in row {earlier} already"
                self.mistakes.append(Mistake(number, "country", problem))
            rates[key] = Rate(*key, values["price"])


def _date(text: str) -> dt.date:
    if _DATE.fullmatch(text):
        try:
            return dt.date.fromisoformat(text)
        except ValueError:
            pass
    raise ValueError(f"{_shown(text)} is no day: write it as 2026-10-01")


def _countries(text: str) -> list[str]:
    codes = re.split(r"[\s;]+", text.upper())
    if codes == [""]:
        raise ValueError(
            f"is empty: write a country of two letters, several with blanks between them, or {REST}"
        )
    if codes == [REST]:
        return codes
    for code in codes:
        if code == REST:
            raise ValueError(f"{REST} is every country without a row of its own: it stands alone")
        if problem := countries.problem_of(code):
            raise ValueError(f"{_shown(code)} {problem}; {REST} is every country without a row of its own")
    return list(dict.fromkeys(codes))


def _word(text: str, known: Iterable[str]) -> str:
    word = word_of(text)
    if word is None:
        raise ValueError(f"{_shown(text)} is no word of Meta's, such as {next(iter(known))}")
    near = nearest(word, tuple(known), _CLOSE)
    if near is not None and near != word:
        raise ValueError(f"{_shown(text)} is not known; did you mean {near}?")
    return word


def _price(text: str) -> Decimal:
    if not _PRICE.fullmatch(text):
        raise ValueError(f"{_shown(text)} is no price: write it as 0.0529, with a point, without a currency")
    return Decimal(text)


def _currency(text: str) -> str:
    if not _CURRENCY.fullmatch(text.upper()):
        raise ValueError(f"{_shown(text)} is no currency of three letters, such as USD")
    return text.upper()


def _shown(text: str) -> str:
    return f'"{text[:40]}"' if text else "the empty cell"


_UNDERSTOOD: Mapping[str, Callable[[str], Any]] = {
    "valid_from": _date,
    "country": _countries,
    "category": lambda text: _word(text, CATEGORIES),
    "type": lambda text: _word(text, _TYPES) if text else REGULAR,
    "price": _price,
    "currency": _currency,
}


class KeptCard(msgspec.Struct, frozen=True):
    """A card as it is kept: whose it is, and from when on it is valid."""

    owner_id: int
    card_id: int
    currency: str
    name: str
    valid_from: dt.date


class Period(msgspec.Struct, frozen=True):
    """The days on which a card prices messages."""

    owner_id: int
    card_id: int
    currency: str
    since: dt.date
    until: dt.date


def periods(own: Iterable[KeptCard], general: Iterable[KeptCard]) -> list[Period]:
    """Return when which card is in force: a tenant's own from its first on, until then those of the installation."""
    chosen = sorted(own, key=lambda card: card.valid_from)
    first = chosen[0].valid_from if chosen else dt.date.max
    older = sorted((card for card in general if card.valid_from < first), key=lambda card: card.valid_from)
    cards = older + chosen
    ends = [card.valid_from - dt.timedelta(days=1) for card in cards[1:]] + [dt.date.max]
    return [
        Period(card.owner_id, card.card_id, card.currency, card.valid_from, end)
        for card, end in zip(cards, ends, strict=False)  # no card ends nowhere
    ]
