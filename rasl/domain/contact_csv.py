"""From the columns and rows of a CSV file to contacts: which column is what, and what is wrong with a row."""

import math
import re
import typing
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import msgspec

from rasl.domain import attributes, phone
from rasl.domain.csv_files import LONGEST_TEXT, meant, split_names
from rasl.domain.phone import PhoneProblem
from rasl.domain.phone_spelling import typed
from rasl.domain.records import Told, written_fields
from rasl.domain.records.contact import LONGEST_PHONE, Contact
from rasl.domain.validation import MAX_ID
from rasl.errors import ValidationFailed

ATTRIBUTE = "attributes."
MAX_ATTRIBUTES = 400  # columns of one file: contacts need not have the same ones
_FULL_NAME = "name"  # split into first name and last name
_FIELDS = {told.name: told for told in written_fields(Contact) if told.name != "attributes"}
_HEADINGS = {told.heading: told for told in _FIELDS.values()}
FIELDS = tuple(dict.fromkeys([*_FIELDS, *_HEADINGS, _FULL_NAME]))
TYPES = typing.get_args(_FIELDS["type"].plain_type)
# Headers as people and other programs write them, without case, spaces and signs.
_GUESSES = {name: told.field.headers for name, told in _HEADINGS.items()}
_GUESSES[_FULL_NAME] = "fullname contactname displayname contact"
_KNOWN = {word: field for field, words in _GUESSES.items() for word in words.split()}
_KNOWN |= {field.replace("_", ""): field for field in FIELDS}
_SIGNS = re.compile(r"[\W_]+")
_ID = re.compile(r"[0-9]{1,19}")
_KEY = re.compile(r"[a-z][a-z0-9_]{0,49}")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
# As Python writes them; 1e5 is more often the name of something than a number.
_FLOAT = re.compile(r"-?(?:0|[1-9][0-9]{0,16})(?:\.[0-9]{1,20})?(?:e[+-][0-9]{2,3})?")
# Puts what a cell says into the values of its row; returns what is wrong with it.
CellReader = Callable[[str, dict[str, Any]], str | None]


class Lookups(msgspec.Struct, frozen=True):
    """What of the tenant's the rows refer to: ids by name, and by lower-case name."""

    sources: Mapping[str, int]
    statuses: Mapping[str, int]
    groups: Mapping[str, int]

    @classmethod
    def of(cls, names: Sequence[Mapping[int, str]]) -> "Lookups":
        """Return the lookups of these names by id, of sources, statuses and groups; of two alike, the older counts."""
        pairs = [sorted(found.items(), reverse=True) for found in names]
        return cls(
            *(
                {name.lower(): id_ for id_, name in found} | {name: id_ for id_, name in found}
                for found in pairs
            )
        )


class Rules(msgspec.Struct, frozen=True):
    """How the rows of one file are read; the defaults are for rows that say nothing."""

    targets: tuple[str | None, ...]
    type: str
    status_id: int | None
    source_id: int | None
    default_country: str | None
    lookups: Lookups


class ContactRow(msgspec.Struct):
    """A row that is a contact; `values` has only what the row gives."""

    number: int
    cells: list[str]
    match_key: str
    digits: str
    values: dict[str, Any]


class BadRow(msgspec.Struct):
    """A row that is none, with every reason."""

    number: int
    cells: list[str]
    reasons: list[str]


def find_targets(headers: Sequence[str], mapping: Mapping[str, str | None]) -> tuple[str | None, ...]:
    """Return the contact field of each column, None where it is left out; raises ValidationFailed."""
    problems = _mapping_problems(headers, mapping)
    if problems:
        raise ValidationFailed({"mapping": problems})
    taken = {target for target in mapping.values() if target}
    targets: list[str | None] = []
    for header in headers:
        if header in mapping:
            targets.append(mapping[header])
            continue
        guess = _guess(header)
        targets.append(None if guess in taken else guess)
        taken |= {guess} if guess else set()
    if "phone" not in targets:
        columns = ", ".join(header or "(without a name)" for header in headers[:50])
        has_none = f"The file has no phone column. Its columns are: {columns}"
        raise ValidationFailed({"file": [f"{has_none}. Name the one of phones in mapping"]})
    if sum(1 for target in targets if target and target.startswith(ATTRIBUTE)) > MAX_ATTRIBUTES:
        raise ValidationFailed({"mapping": [f"At most {MAX_ATTRIBUTES} columns can be attributes"]})
    return tuple(targets)


def _mapping_problems(headers: Sequence[str], mapping: Mapping[str, str | None]) -> list[str]:
    problems = [
        f'The file has no column "{name}"; it has {", ".join(headers[:50])}'
        for name in mapping
        if name not in headers
    ]
    wanted = [target for target in mapping.values() if target is not None]
    problems += [
        f'"{target}" is not a field of contacts; use {", ".join(FIELDS)}, {ATTRIBUTE}KEY or null'
        for target in wanted
        if not _is_target(target)
    ]
    problems += [
        f'More than one column is mapped to "{target}"'
        for target in sorted(set(wanted))
        if wanted.count(target) > 1
    ]
    return problems


def _is_target(name: str) -> bool:
    if name.startswith(ATTRIBUTE):
        return _KEY.fullmatch(name.removeprefix(ATTRIBUTE)) is not None
    return name in FIELDS


def _guess(header: str) -> str | None:
    if header.startswith(ATTRIBUTE):
        return header if _is_target(header) else None
    return _KNOWN.get(_SIGNS.sub("", header.casefold()))


class RowReader:
    """Reads rows by one set of rules."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._width = len(rules.targets)
        self._phone = rules.targets.index("phone")
        self._readers: list[tuple[int, str, CellReader]] = [
            (place, target, self._reader(target))
            for place, target in enumerate(rules.targets)
            if target is not None and target != "phone"
        ]

    def read(self, number: int, cells: list[str]) -> ContactRow | BadRow:
        """Return the contact of a row, or all that is wrong with it."""
        width = len(cells)
        if width > self._width and any(cell.strip() for cell in cells[self._width :]):
            return BadRow(number, cells, [f"The row has {width} cells, the header has {self._width}"])
        reasons: list[str] = []
        values: dict[str, Any] = {}
        if any("\x00" in cell for cell in cells):
            reasons.append("The row contains NUL characters")
        text = cells[self._phone].strip() if self._phone < width else ""
        understood = self._understand(text, values, reasons)
        for place, target, read in self._readers:
            if place < width and (cell := meant(cells[place])):
                problem = read(cell, values)
                if problem is not None:
                    reasons.append(f"{target}: {problem}")
        self._fill(values, reasons)
        if reasons or understood is None:
            return BadRow(number, cells, reasons)
        return ContactRow(number, cells, understood.match_key, understood.digits, values)

    def _understand(self, text: str, values: dict[str, Any], reasons: list[str]) -> phone.Phone | None:
        # Spreadsheets and our own export mark texts that look like numbers.
        text = typed(text).removeprefix("'")
        if not text:
            reasons.append("Phone number is required")
            return None
        understood = phone.understand(text, self._rules.default_country)
        if isinstance(understood, PhoneProblem):
            reasons.append(f"phone: {understood.sentence}")
            return None
        values["phone"] = phone.kept(text, understood)
        if len(values["phone"]) > LONGEST_PHONE:
            reasons.append(f"phone: must not be greater than {LONGEST_PHONE} characters")
        return understood

    def _fill(self, values: dict[str, Any], reasons: list[str]) -> None:
        """Split a full name, and say what a new contact would lack or have too much of."""
        if len(values.get("attributes", ())) > attributes.MAX_KEYS:
            reasons.append(f"attributes: {attributes.TOO_MANY}")
        if (name := values.pop("name", None)) and "firstname" not in values:
            first, _, last = name.partition(" ")
            values["firstname"] = first
            if last.strip():
                values.setdefault("lastname", last.strip())
        for field, default in (("status_id", self._rules.status_id), ("source_id", self._rules.source_id)):
            if default is None and field not in values:
                noun = field.removesuffix("_id")
                if not any(reason.startswith(noun) for reason in reasons):
                    reasons.append(f"{noun}: The row names none, and there is no default {noun}")

    def _reader(self, target: str) -> CellReader:
        lookups = self._rules.lookups
        if target.startswith(ATTRIBUTE):
            return _attribute_reader(target.removeprefix(ATTRIBUTE))
        if target == _FULL_NAME:
            return _text_reader(_FIELDS["firstname"], target)
        readers = {
            "groups": _groups_reader(lookups.groups),
            "status": _name_reader("status", lookups.statuses),
            "source": _name_reader("source", lookups.sources),
            "status_id": _id_reader("status_id", frozenset(lookups.statuses.values())),
            "source_id": _id_reader("source_id", frozenset(lookups.sources.values())),
        }
        return readers.get(target) or _reader_by_type(_FIELDS[target])


def _reader_by_type(told: Told) -> CellReader:
    """Return the reader of a field that is no more than a value, by the rules that bodies have."""
    if told.plain_type is int:
        return _id_reader(told.name, range(1, MAX_ID + 1), is_none_when_zero=told.is_none_when_zero)
    return _text_reader(told, told.name) if told.plain_type is str else _choice_reader(told)


def _text_reader(told: Told, name: str) -> CellReader:
    longest = told.rules.max_length or LONGEST_TEXT
    pattern = re.compile(told.rules.pattern or "")

    def read(text: str, values: dict[str, Any]) -> str | None:
        if len(text) > longest:
            return f"must not be greater than {longest} characters"
        if not pattern.search(text):
            return told.field.texts.get("pattern", "has the wrong form")
        values[name] = text
        return None

    return read


def _choice_reader(told: Told) -> CellReader:
    choices = typing.get_args(told.plain_type)

    def read(text: str, values: dict[str, Any]) -> str | None:
        if text.lower() not in choices:
            return told.field.texts.get("invalid", f"must be one of {', '.join(choices)}")
        values[told.name] = text.lower()
        return None

    return read


def _attribute_reader(key: str) -> CellReader:
    def read(text: str, values: dict[str, Any]) -> str | None:
        value = read_scalar(text)
        if isinstance(value, str) and len(value) > attributes.MAX_TEXT:
            return f"must not be greater than {attributes.MAX_TEXT} characters"
        values.setdefault("attributes", {})[key] = value
        return None

    return read


def _groups_reader(known: Mapping[str, int]) -> CellReader:
    def read(text: str, values: dict[str, Any]) -> str | None:
        found = {name: _find(known, name) for name in split_names(text)}
        missing = [name.strip() for name, group_id in found.items() if group_id is None]
        if missing:
            return f"There is no group named {', '.join(missing)}"
        values["groups"] = list(dict.fromkeys(group_id for group_id in found.values() if group_id))
        return None

    return read


def _find(known: Mapping[str, int], name: str) -> int | None:
    """Return the id of a name as it is written, else in any case and without blanks around it."""
    return known.get(name) or known.get(name.strip().lower())


def _name_reader(noun: str, known: Mapping[str, int]) -> CellReader:
    def read(text: str, values: dict[str, Any]) -> str | None:
        found = _find(known, text)
        if found is None:
            return f"There is no {noun} named {text[:255]}"
        values.setdefault(f"{noun}_id", found)
        return None

    return read


def _id_reader(name: str, known: Container[int], *, is_none_when_zero: bool = False) -> CellReader:
    unknown = _FIELDS[name].field.texts.get("range", "must be an integer")

    def read(text: str, values: dict[str, Any]) -> str | None:
        number = int(text) if _ID.fullmatch(text) else -1
        if number == 0 and is_none_when_zero:
            return None
        if number not in known:
            return unknown
        values[name] = number
        return None

    return read


def read_scalar(text: str) -> str | int | float | bool:
    """Return what a cell of an attribute means: a plain number, true, false, or a text; a quoted one is a text."""
    if text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text) and abs(number := int(text)) <= MAX_ID:
        return number
    if _FLOAT.fullmatch(text) and math.isfinite(decimal := float(text)):
        return decimal
    if len(text) > 1 and text[0] == '"' == text[-1]:
        try:
            return msgspec.json.decode(text, type=str)
        except msgspec.MsgspecError:
            return text
    return text


def write_scalar(value: Any) -> str:
    """Write an attribute so that `read_scalar` gives the same value back."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value) if math.isfinite(value) else ""
    text = str(value)
    is_plain = text and read_scalar(text) == text and type(read_scalar(text)) is str
    # An empty cell would say nothing at all.
    return text if is_plain else msgspec.json.encode(text).decode()
