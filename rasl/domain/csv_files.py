"""CSV as people's programs write it: encodings, delimiters, cells that spreadsheets must not run as formulas."""

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from rasl.errors import ValidationFailed

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
MAX_COLUMNS = 500
_LONGEST_LINE = 8 * 1024 * 1024  # a file without any line end must not be read whole
LONGEST_TEXT = 1024 * 1024  # of one cell: as much as the body of a request can hold
csv.field_size_limit(LONGEST_TEXT)  # the library's own limit, for the whole process, is an eighth of it
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SEPARATOR_LINE = re.compile(r"sep=(.)\r?\n?")
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_NOT_TEXT = "The file is neither UTF-8 nor UTF-16 with a byte order mark; save it as CSV UTF-8"


class CsvFile:
    """An open CSV file: its headers, then its rows with the numbers a spreadsheet shows (the header is row 1)."""

    def __init__(self, file: BinaryIO, delimiter: str | None = None) -> None:
        file.seek(0)
        start = file.read(4)
        encoding = next((name for bom, name in _BOMS if start.startswith(bom)), "utf-8")
        file.seek(0)
        # Detached by the caller's file being closed; newline="" leaves line ends inside of quotes alone.
        self._text = io.TextIOWrapper(file, encoding=encoding, errors="strict", newline="")
        first = self._read_line()
        self._number = 0
        if named := _SEPARATOR_LINE.fullmatch(first):
            delimiter = delimiter or named[1]
            self._number, first = 1, self._read_line()
        self.delimiter = delimiter or _guess_delimiter(first)
        self._lines = _Lines(first, self._text)
        self._reader = csv.reader(self._lines, delimiter=self.delimiter)
        self.headers = self._read_headers()

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row that is not blank; raises ValidationFailed where the file is no CSV."""
        while (cells := self._next()) is not None:
            if any(cells):
                yield self._number, cells

    def _read_headers(self) -> list[str]:
        first = next(self.rows(), None)
        if first is None:
            raise ValidationFailed({"file": ["The file is empty"]})
        headers = [cell.strip() for cell in first[1]]
        if len(headers) > MAX_COLUMNS:
            raise ValidationFailed({"file": [f"The file has more than {MAX_COLUMNS} columns"]})
        if any("\x00" in header for header in headers):
            raise ValidationFailed({"file": ["The header row contains NUL characters"]})
        return headers

    def _next(self) -> list[str] | None:
        self._number += 1
        try:
            cells = next(self._reader, None)
        except UnicodeError:
            raise ValidationFailed({"file": [f"{_NOT_TEXT} (near row {self._number})"]}) from None
        except csv.Error as error:
            raise self._unreadable(str(error)) from None
        if cells is not None and self._lines.is_at_end:
            # The file ended before the row did; the library takes what there is.
            raise self._unreadable("unexpected end of the file")
        return cells

    def _unreadable(self, reason: str) -> ValidationFailed:
        question = "Was a quotation mark opened and never closed?"
        return ValidationFailed({"file": [f"Row {self._number} cannot be read: {reason}. {question}"]})

    def _read_line(self) -> str:
        try:
            return self._text.readline(_LONGEST_LINE)
        except UnicodeError:
            raise ValidationFailed({"file": [_NOT_TEXT]}) from None

    def detach(self) -> None:
        """Let go of the file without closing it."""
        self._text.detach()


class _Lines:
    """The lines of a text, the first of which was read already; none longer than a cell may be."""

    def __init__(self, first: str, rest: io.TextIOWrapper) -> None:
        self._first: str | None = first
        self._rest = rest
        self.is_at_end = False  # and somebody asked for more

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line, self._first = (self._first, None) if self._first else (self._rest.readline(_LONGEST_LINE), None)
        if not line:
            self.is_at_end = True
            raise StopIteration
        return line


def _guess_delimiter(line: str) -> str:
    """Return the candidate that the header row has most of, outside of quotes."""
    bare = re.sub(r'"[^"]*"', "", line)
    return max(DELIMITERS.values(), key=lambda item: (bare.count(item), item == ","))


def protected(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would run as a formula, and before blanks that are to stay."""
    return f"'{text}" if _needs_protection(text) else text


def meant(cell: str) -> str:
    """Return what a cell says: without the apostrophe that `protected` put there, else without blanks around it."""
    if cell.startswith("'") and _needs_protection(cell[1:]):
        return cell[1:]
    bare = cell.strip()
    return bare[1:] if bare.startswith("'") and _needs_protection(bare[1:]) else bare


def _needs_protection(text: str) -> bool:
    """Tell whether a text needs an apostrophe, looking behind those that it begins with itself.

    Otherwise nobody could tell an apostrophe that `protected` put there from one that the text always had.
    """
    core = text.lstrip("'")
    return core.startswith(_FORMULA_SIGNS) or core != core.strip()


def split_names(text: str) -> list[str]:
    """Read names separated by semicolons; one that holds a semicolon is quoted."""
    try:
        names = next(csv.reader([text], delimiter=";"), [])
    except csv.Error:
        names = [text]
    return [name for name in names if name.strip()]


def join_names(names: Sequence[str]) -> str:
    """Write names so that `split_names` reads them."""
    return write_row(names, ";").removesuffix("\r\n") if names else ""


def write_row(cells: Sequence[str], delimiter: str = ",") -> str:
    """Return one CSV line with its line end."""
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerow(cells)
    return out.getvalue()
