"""How phone numbers are written: signs that nobody sees go, those of other scripts become plain, one rule for bodies.

Numbers come out of address books, web pages and spreadsheets, which put marks of direction and blanks of a fixed width
around them, and out of other programs as `tel:` (RFC 3966) and `whatsapp:` addresses. What remains is a number as one
types it, or is refused: nothing here guesses.
"""

import re
from collections.abc import Set

# Code points, as Unicode names them. Of no width; not 202E, which shows the digits behind it in the reverse order, so
# that people see another number than the one that is there.
_HIDDEN = "00AD 061C 200B-200F 202A-202D 2060-2064 2066-2069 FEFF"
# What is typed on a keyboard, and what means the same.
_ALIKE = {
    " ": "00A0 1680 2000-200A 202F 205F 3000",
    "-": "2010-2015 2212 30FC FE58 FE63 FF0D",
    "+": "FE62 FF0B",
    "(": "FF08",
    ")": "FF09",
    ".": "FF0E",
    "/": "FF0F",
}
_ZEROS = (0x30, 0x660, 0x6F0, 0x966, 0xFF10)  # ASCII, Arabic-Indic, Persian, Devanagari, full-width
_SCHEME = "(?:[Tt][Ee][Ll]|[Ww][Hh][Aa][Tt][Ss][Aa][Pp][Pp]):"
WHAT_IT_MAY_HAVE = "digits, +, -, dots, spaces and parentheses"

_TYPED = re.compile(r"[0-9+\-() ./]*")
_BEGINNING = re.compile(_SCHEME)
_ODD = re.compile(r"[^\x20-\x7e]")
# Between digits a dot or a slash only parts them; a parenthesis may stand on either side.
_PARTING = re.compile(r"(?<=[0-9)])[./](?=[0-9(])")
_DECIMAL = re.compile(r"[^.]*\.[0-9]{1,2}")
_LONGEST_MARKED_AREA, _LONGEST_AREA = 7, 4  # digits before a slash: behind + or 0, and of others
_SHORTEST_BEHIND = 4  # digits behind it


def pattern(least: int, most: int) -> str:
    """Return the pattern of a field that holds a phone number, of so many characters that people see.

    It is a regular expression of Python and of JSON Schema alike, and takes time in proportion to the text. Its first
    branch is what nearly everybody writes.
    """
    blanks = {ord(" "), *_members(_ALIKE[" "])}
    signs = {*map(ord, _ALIKE), *_PLAIN} - _HIDDEN_SIGNS - blanks
    sign, hidden, around = _class(signs), _class(_HIDDEN_SIGNS), f"{_class(_HIDDEN_SIGNS | blanks)}*"
    rest = f"(?:{hidden}*{_class(signs | blanks)}){{{least - 1},{most - 1}}}"
    plain = f"[0-9+\\-() ]{{{least},{most}}}"
    return f"^(?:{plain}|{around}(?:{_SCHEME}{around})?{sign}{rest}{around})(?![\\s\\S])"


def sentence(least: int, most: int) -> str:
    """Return what is said of a text that does not fit the pattern."""
    length = f"at most {most}" if least == 1 else f"{least} to {most}"
    return f"Phone number must have {length} characters, and may contain only {WHAT_IT_MAY_HAVE}"


def typed(text: str) -> str:
    """Return a number as one types it: without what nobody sees, blanks around it, and the scheme of an address."""
    if _ODD.search(text):
        text = text.translate(_PLAIN)
    text = text.strip()
    beginning = _BEGINNING.match(text)
    return text[beginning.end() :].strip() if beginning else text


def is_typed(text: str) -> bool:
    """Tell whether a text has only what a typed number may have."""
    return _TYPED.fullmatch(text) is not None


def parted_by_blanks(text: str) -> str | None:
    """Return a typed number with blanks for the dots and the slash that part its digits; None where it is unclear.

    A slash stands once, behind an area code: of `5551234/5678` or `020 7946 0011 / 0012` nobody knows whether one or
    two numbers are meant. A dot before one or two last digits makes a decimal, as spreadsheets write numbers: with
    its 0 the number would be somebody else's.
    """
    before, slash, behind = text.partition("/")
    if _DECIMAL.fullmatch(text) or (slash and not _is_area(before, behind)):
        return None
    parted = _PARTING.sub(" ", text)
    return None if "." in parted or "/" in parted else parted


def _is_area(before: str, behind: str) -> bool:
    is_marked = before.lstrip("( ").startswith(("+", "0"))
    longest = _LONGEST_MARKED_AREA if is_marked else _LONGEST_AREA
    return (
        _count_digits(before.lstrip("+0( ")) <= longest
        and _count_digits(behind) >= _SHORTEST_BEHIND
        and "/" not in behind
    )


def _count_digits(text: str) -> int:
    return sum(map(str.isdecimal, text))


def _members(codes: str) -> set[int]:
    ends = [part.partition("-") for part in codes.split()]
    return {code for first, _, last in ends for code in range(int(first, 16), int(last or first, 16) + 1)}


def _class(codes: Set[int]) -> str:
    """Return the class of these characters, in ranges."""
    first_of = [code for code in sorted(codes) if code - 1 not in codes]
    last_of = [code for code in sorted(codes) if code + 1 not in codes]
    ranges = (
        _escaped(first) if first == last else f"{_escaped(first)}-{_escaped(last)}"
        for first, last in zip(first_of, last_of, strict=True)
    )
    return f"[{''.join(ranges)}]"


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code > 0x7F else chr(code).replace("-", r"\-")


_HIDDEN_SIGNS = _members(_HIDDEN)
_PLAIN: dict[int, str | None] = {
    **dict.fromkeys(_HIDDEN_SIGNS),
    **{code: sign for sign, alike in _ALIKE.items() for code in _members(alike)},
    **{zero + digit: str(digit) for zero in _ZEROS for digit in range(10)},
}
