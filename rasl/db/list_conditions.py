"""Conditions of lists as SQL: what filters and searches ask for. Values always travel as parameters."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec

from rasl.domain.listing import Filter, Kind
from rasl.domain.short_terms import short_term

_SHORT = 2  # characters; three make a trigram
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,39})(\.[0-9]{1,40})?$", re.ASCII)
_COMPARISONS = {"eq": "=", "ne": "<>", "gte": ">=", "lte": "<=", "gt": ">", "lt": "<"}
Parameter = Callable[[Any], str]


class Searched(msgspec.Struct, frozen=True):
    """The columns that a search looks through; texts in lower case are compared faster.

    One that is indexed has an index of trigrams, and one of the rows with a lone pair.
    """

    columns: tuple[str, ...]
    is_lowered: bool
    is_indexed: bool = False

    def conditions(self, text: str, parameter: Parameter, *, is_whole: bool) -> list[str]:
        """Say that all words occur; `is_whole` is for a statement that visits all rows with them.

        Told nothing else, an index of trigrams reads all of itself for a short word.
        """
        return [
            self._short(word, parameter)
            if is_whole and len(word) <= _SHORT
            else self._has(self.columns, word, parameter)
            for word in text.split()
        ]

    def _short(self, word: str, parameter: Parameter) -> str:
        # Without the operation an index of trigrams would be read from end to end.
        read = self._has([f"({column} || '')" for column in self.columns], word, parameter)
        term = short_term(word) if self.is_indexed else None
        if term is None:
            return read
        expression, ends = parameter(term), parameter([f"{word.lower()}%", f"%{word.lower()}"])
        case = "" if self.is_lowered else "*"
        fits = _any(
            f"{column} ~{case} {expression} or {column} ~~{case} any({ends}::text[])"
            for column in self.columns
        )
        alone = _any(f"has_lone_pair({column})" for column in self.columns)
        return f"({fits} or {alone} and {read})"

    def _has(self, columns: Sequence[str], word: str, parameter: Parameter) -> str:
        place = parameter(f"%{_escaped(word)}%")
        if self.is_lowered:
            # The database lowers the word as it lowered the column.
            return _any(f"{column} like lower({place}::text)" for column in columns)
        return _any(f"{column} ilike {place}" for column in columns)


def _any(conditions: Iterable[str]) -> str:
    return f"({' or '.join(conditions)})"


def condition(parameter: Parameter, column: str, kind: Kind | None, item: Filter) -> str:
    """Say what a filter asks of a column that holds something of this kind."""
    if kind is Kind.ARRAY:
        return _array_condition(parameter, column, item)
    if kind is Kind.JSON:
        return _json_condition(parameter, column, item)
    if kind is Kind.EMAIL and item.operator != "null":
        column = f"lower({column})"
    match item.operator:
        case "null":
            text = f"{column} is {'null' if item.values[0] else 'not null'}"
        case "like":
            text = f"({column})::text ilike {parameter(f'%{_escaped(item.values[0])}%')}"
        case "in":
            text = f"{column} = any({parameter(list(item.values))})"
        case "not_in":
            text = f"({column} is null or {column} <> all({parameter(list(item.values))}))"
        case "between":
            low, high = (parameter(value) for value in item.values)
            text = f"{column} between {low} and {high}"
        case "ne":
            text = f"{column} is distinct from {parameter(item.values[0])}"
        case operator:
            text = f"{column} {_COMPARISONS[operator]} {parameter(item.values[0])}"
    return text


def _array_condition(parameter: Parameter, column: str, item: Filter) -> str:
    """Say something of an array's members; an empty array has none, as if it were null.

    Values behind the first of `null` are members that do not count.
    """
    if item.operator == "null":
        others = [int(value) for value in item.values[1:]]
        is_empty = f"({column} is null or {column} <@ {parameter(others)}::bigint[])"
        return is_empty if item.values[0] else f"not {is_empty}"
    sign = "@>" if item.operator == "eq" else "&&"
    text = f"{column} {sign} {parameter(list(item.values))}"
    return text if item.operator in {"eq", "in"} else f"({text}) is not true"


def _json_condition(parameter: Parameter, column: str, item: Filter) -> str:
    """Say something of an attribute: a value sent means the text, the number and the boolean that look like it."""
    match item.operator:
        case "eq" | "in" | "ne" | "not_in":
            meant = [{item.key: value} for text in item.values for value in _spellings(text)]
            text = " or ".join(f"{column} @> {parameter(value)}::jsonb" for value in meant)
            text = f"({text})"
            return text if item.operator in {"eq", "in"} else f"({text}) is not true"
        case "null":
            value = f"{column} ->> {parameter(item.key)}::text"
            return f"({value}) is {'null' if item.values[0] else 'not null'}"
        case "like":
            value = f"{column} ->> {parameter(item.key)}::text"
            return f"({value}) ilike {parameter(f'%{_escaped(item.values[0])}%')}"
        case _:
            return _json_range(parameter, column, item)


def _json_range(parameter: Parameter, column: str, item: Filter) -> str:
    """Compare numbers with numbers, and texts with what is no number: dates in the ISO form have that order too."""
    kind, cast = ("number", "::numeric") if all(map(_is_number, item.values)) else ("string", "")
    key = f"{parameter(item.key)}::text"
    values = [f"{parameter(value)}::text{cast}" for value in item.values]
    ends = (
        f"between {' and '.join(values)}"
        if len(values) == 2
        else f"{_COMPARISONS[item.operator]} {values[0]}"
    )
    return (
        f"case when jsonb_typeof({column} -> {key}) = '{kind}' then ({column} ->> {key}){cast} {ends}"
        " else false end"
    )


def _spellings(text: str) -> list[Any]:
    """Return every JSON scalar that a query parameter can mean: `5` is a text and a number."""
    meanings: list[Any] = [text]
    if _is_number(text):
        meanings.append(msgspec.Raw(text.encode()))
    if text in {"true", "false"}:
        meanings.append(text == "true")
    return meanings


def _is_number(text: str) -> bool:
    return _NUMBER.match(text) is not None


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
