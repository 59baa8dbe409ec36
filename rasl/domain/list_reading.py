"""Reads the query of a list.

What is empty is as if it were not given. A name that means nothing is told, with the one that was perhaps meant, and
refused where the caller wishes that; a wrong value is reported under the parameter's own name.

An unknown name is told as it was sent: `filter[statu_id]`, `limit`. Where a parameter lists names, it is told as
`parameter=name`: `sort=-frstname`, `fields=nmae`, `include=group`.
"""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

from rasl.domain.list_filters import INTEGER, mended, read_filters
from rasl.domain.list_names import PARAMETERS, filter_meant, likeliest, parameter_meant
from rasl.domain.listing import (
    DEFAULT_PER_PAGE,
    MAX_PER_PAGE,
    Filter,
    ListQuery,
    ListSpec,
    Sorts,
    read_cursor,
)
from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed

MAX_PAGE = 2**31 - 1
MAX_SEARCH_WORDS = 20
_LONG = len(str(MAX_ID))
_MOST_TOLD = 100

# How PHP and axios write a list: fields[]=id, fields[0]=id.
_NAMES = re.compile(r"(sort|fields|include)(?:\[[0-9]{0,6}\])?$")
_Value = TypeVar("_Value")
Ignore = Callable[[str, str | None], None]


def parse(
    pairs: Iterable[tuple[str, str]],
    spec: ListSpec,
    *,
    country: str | None = None,
    known: Collection[str] = PARAMETERS,
    ignore: Ignore = lambda *_: None,
    is_strict: bool = False,
) -> ListQuery:
    """Read decoded query parameters; raises ValidationFailed naming every wrong one.

    Phones without a country code are of the country. Parameters are those that are known, and filters. Every name that
    means nothing is given to `ignore`, or refused like a wrong value if the caller is strict.
    """
    reading = _Reading(spec, known)
    query = reading.read([mended(*pair) for pair in pairs], country)
    problems = reading.problems
    for name, meant in reading.unknown.items():
        if is_strict:
            problems[name] = [f"The {name} parameter is not known here" + (f": {meant} is" if meant else "")]
        else:
            ignore(name, meant)
    if problems:
        raise ValidationFailed(problems)
    return query


class _Reading:
    """A query on its way to being understood: what is wrong in it, and what means nothing."""

    def __init__(self, spec: ListSpec, known: Collection[str]) -> None:
        self.problems: dict[str, list[str]] = {}
        self.unknown: dict[str, str | None] = {}
        self._spec = spec
        self._known = known
        self._texts: dict[str, str] = {}

    def read(self, pairs: list[tuple[str, str]], country: str | None) -> ListQuery:
        """Return what is understood."""
        filters = self._read_filters(self._collect(pairs), country)
        sorts = self._read_sorts()
        includes = self._read_names("include", self._spec.includes) or frozenset()
        return ListQuery(
            page=self._read("page", lambda text: _read_number(text, MAX_PAGE), 1),
            per_page=self._read("per_page", _read_per_page, DEFAULT_PER_PAGE),
            sorts=sorts,
            search=self._read("search" if "search" in self._texts else "q", _read_search, None),
            filters=tuple(filters),
            fields=self._read_names("fields", (*self._spec.fields, *includes)),
            includes=includes,
            cursor=self._read("cursor", lambda text: read_cursor(text, sorts, self._spec.texts), None),
        )

    def _collect(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Keep what the parameters of lists say, unless that is nothing, and return those that are filters."""
        filters = []
        for name, value in pairs:
            names = _NAMES.match(name)
            if "\x00" in value:
                self.problems[name] = [f"The {name} parameter must not contain NUL characters"]
            elif name.startswith("filter["):
                filters.append((name, value))
            elif (names[1] if names else name) not in self._known:
                self._note(name, self._parameter_meant, name)
            elif names is not None:
                before = self._texts.get(names[1])
                self._texts[names[1]] = value if before is None else f"{before},{value}"
            elif value.strip():
                self._texts[name] = value.strip()
        return filters

    def _parameter_meant(self, name: str) -> str | None:
        meant = parameter_meant(name, self._spec)
        return meant if meant in self._known or (meant and meant.startswith("filter[")) else None

    def _read_filters(self, pairs: list[tuple[str, str]], country: str | None) -> list[Filter]:
        found = read_filters(pairs, self._spec, country)
        self.problems |= found.problems
        for parameter, name in found.unknown:
            self._note(parameter, filter_meant, parameter, name, self._spec)
        return found.filters

    def _read(self, name: str, understand: Callable[[str], _Value], absent: _Value) -> _Value:
        text = self._texts.get(name)
        try:
            return absent if text is None else understand(text)
        except ValueError as error:
            self.problems[name] = [f"The {name} parameter {error}"]
            return absent

    def _read_sorts(self) -> Sorts:
        sorts: dict[str, bool] = {}
        for name in self._listed("sort"):
            bare = name.removeprefix("-")
            if bare in self._spec.sorts:
                sorts.setdefault(bare, name != bare)
            else:
                self._note(f"sort={name}", _sort_meant, name, self._spec)
        if sorts:
            return tuple(sorts.items())
        default = self._spec.default_sort
        return ((default.removeprefix("-"), default.startswith("-")),)

    def _read_names(self, parameter: str, known: tuple[str, ...]) -> frozenset[str] | None:
        names = self._listed(parameter)
        for name in names:
            if name not in known:
                self._note(f"{parameter}={name}", _name_meant, parameter, name, known, self._spec)
        return frozenset(names) & frozenset(known) if names else None

    def _listed(self, parameter: str) -> list[str]:
        return [name for part in self._texts.get(parameter, "").split(",") if (name := part.strip())]

    def _note(self, told: str, meant: Callable[..., str | None], *about: Any) -> None:
        """Remember what means nothing; of very many the first only, as it takes time to look for what is near."""
        if len(self.unknown) < _MOST_TOLD and told not in self.unknown:
            self.unknown[told] = meant(*about)


def _sort_meant(name: str, spec: ListSpec) -> str | None:
    words = re.split(r"[\s:.]+", name.strip("+-"))
    near = likeliest(words[0], spec.sorts)
    is_descending = name.startswith("-") or words[-1].lower() == "desc"
    return near and f"sort={'-' if is_descending else ''}{near}"


def _name_meant(parameter: str, name: str, known: tuple[str, ...], spec: ListSpec) -> str | None:
    if parameter == "fields" and name in spec.includes:
        return f"include={name}"
    near = likeliest(name, known)
    return near and f"{parameter}={near}"


def _read_number(text: str, top: int) -> int:
    if not INTEGER.match(text):
        raise ValueError("must be an integer")
    number = int(text)
    if not 1 <= number <= top:
        raise ValueError(f"must be between 1 and {top}")
    return number


def _read_per_page(text: str) -> int:
    """Read how many rows a page may have; more than there may be is the most there may be, however long the number."""
    is_long = text.isascii() and text.isdecimal() and len(text.lstrip("0")) >= _LONG
    return MAX_PER_PAGE if is_long else min(_read_number(text, MAX_ID), MAX_PER_PAGE)


def _read_search(text: str) -> str:
    if len(text.split()) > MAX_SEARCH_WORDS:
        raise ValueError(f"takes at most {MAX_SEARCH_WORDS} words")
    return text
