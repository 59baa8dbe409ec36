"""Words by which a person leaves and comes back: the whole message, in any case (api-v2 section 17, row 27)."""

from collections.abc import Sequence
from typing import Literal, Self

import msgspec

STOP_WORDS = frozenset({"stop", "unsubscribe", "opt out", "optout"})
START_WORDS = frozenset({"start", "subscribe", "unstop", "opt in", "optin"})


class Words(msgspec.Struct, frozen=True):
    """The words in force for a tenant."""

    stop: frozenset[str] = STOP_WORDS
    start: frozenset[str] = START_WORDS

    @classmethod
    def of(cls, stop: Sequence[str] | None, start: Sequence[str] | None) -> Self:
        """Return the words that a tenant chose, the usual ones where it chose none."""
        return cls(
            STOP_WORDS if stop is None else frozenset(stop),
            START_WORDS if start is None else frozenset(start),
        )


USUAL = Words()


def plain(text: str) -> str:
    """Return a text as words are compared: punctuation and spaces around it do not matter, nor does its case."""
    return " ".join(text.casefold().split()).strip(" .!\"'")


def consent_of(text: str | None, words: Words = USUAL) -> Literal["stop", "start"] | None:
    """Tell what an inbound text asks for."""
    word = plain(text or "")
    if word in words.stop:
        return "stop"
    return "start" if word in words.start else None
