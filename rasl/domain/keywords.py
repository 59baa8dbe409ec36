"""Words by which a person leaves and comes back: the whole message, in any case (api-v2 section 17, row 27)."""

from typing import Literal

STOP_WORDS = frozenset({"stop", "unsubscribe", "opt out", "optout"})
START_WORDS = frozenset({"start", "subscribe", "unstop", "opt in", "optin"})


def consent_of(text: str | None) -> Literal["stop", "start"] | None:
    """Tell what an inbound text asks for; punctuation and spaces around the word do not matter."""
    word = " ".join((text or "").casefold().split()).strip(" .!\"'")
    if word in STOP_WORDS:
        return "stop"
    return "start" if word in START_WORDS else None
