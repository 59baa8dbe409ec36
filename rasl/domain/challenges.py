"""Codes that users send to us from WhatsApp: how they look, and how they are found in what people write."""

import re
from collections.abc import Callable, Sequence
from urllib.parse import quote

# Without what people mistake for something else: 0 and O, 1, I and L, U and V.
ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
LENGTH = 8  # 38.8 bits
_MOST_CANDIDATES = 5
# A look ahead, because the word before a code can look like the first half of one.
_CANDIDATE = re.compile(
    rf"(?<![0-9A-Z])(?=([{ALPHABET}]{{4}})[-\u2010-\u2015 ]?([{ALPHABET}]{{4}})(?![0-9A-Z]))"
)


def make_code(choose: Callable[[str], str]) -> str:
    """Return a new code, given a source of unguessable choices."""
    return "".join(choose(ALPHABET) for _ in range(LENGTH))


def shown(code: str) -> str:
    """Return a code as people read it."""
    return f"{code[:4]}-{code[4:]}"


def text_with(code: str) -> str:
    """Return the message that the link fills in."""
    return f"My verification code is {shown(code)}"


def link(number: str, code: str) -> str:
    """Return the address that opens WhatsApp with the message written; `number` is ours."""
    digits = re.sub(r"\D", "", number)
    return f"https://wa.me/{digits}?text={quote(text_with(code))}"


def find_codes(text: str | None) -> Sequence[str]:
    """Return what can be a code in a text, in any case and with or without the hyphen."""
    if not text:
        return ()
    found = [first + second for first, second in _CANDIDATE.findall(text.upper())]
    return tuple(dict.fromkeys(found))[:_MOST_CANDIDATES]


def hashed_text(tenant_id: int, code: str) -> str:
    """Return what the keyed hash of a code is made of."""
    return f"{tenant_id}:{code}"
