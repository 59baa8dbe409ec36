"""What all feeds share: the lines they tell, and a memory of what was told that does not grow for ever."""

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from rasl.db.pool import Db

MOST = 1000  # rows that one look reads at most of one kind
# Ids are given out before a transaction commits: so many of them back are looked at again for late ones.
LATE_IDS = 1000
LATE_SECONDS = 15.0
_LONGEST_TEXT = 80


class Line(msgspec.Struct, frozen=True):
    """One thing that happened: `words` for people, `value` for scripts."""

    at: dt.datetime
    words: tuple[str, ...]
    value: Mapping[str, Any]


class Feed(Protocol):
    """Something that is looked at again and again."""

    async def look(self, db: Db, tenants: Mapping[int, str], seconds: float) -> Sequence[Line]:
        """Return what has happened and was not told yet, oldest first.

        `tenants` are those that are wanted, by id; `seconds` have passed since the look before.
        """


class Told:
    """What was told already; of more than a few thousand the oldest are forgotten."""

    _MOST = 20_000

    def __init__(self) -> None:
        self._kept: dict[Hashable, Any] = {}

    def is_news(self, key: Hashable, state: Any = None) -> bool:
        """Tell whether this state of something is another than the one told last, and remember it."""
        if key in self._kept and self._kept[key] == state:
            return False
        self._kept.pop(key, None)
        self._kept[key] = state
        if len(self._kept) > self._MOST:
            del self._kept[next(iter(self._kept))]
        return True


def shortened(text: str) -> str:
    """Return a text in one line; what could move a terminal's cursor is left out."""
    clean = "".join(letter if letter.isprintable() else " " for letter in text)
    words = " ".join(clean.split())
    return words if len(words) <= _LONGEST_TEXT else f"{words[: _LONGEST_TEXT - 1]}…"
