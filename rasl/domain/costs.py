"""What Meta says of the price of a message, and the line of the ledger that counts the message.

Meta charges for a message when it is delivered, by the recipient's country, the category and the type:
https://developers.facebook.com/docs/whatsapp/pricing
"""

import datetime as dt
import functools
import re
import zoneinfo
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from rasl.domain import phone
from rasl.domain.message_status import rank_of

REGULAR = "regular"
FREE_TYPES = ("free_customer_service", "free_entry_point")
CATEGORIES = (
    *("marketing", "utility", "authentication", "authentication_international", "service", "marketing_lite"),
    *("group_marketing", "group_utility", "group_service", "general_purpose_ai", "referral_conversion"),
)
_UNKNOWN = "unknown"
_LONGEST = 80  # text that is no word of Meta's is not remembered
_WORD = re.compile(r"[a-z0-9_]{1,64}")


class Pricing(NamedTuple):
    """What Meta says of the price of a message."""

    category: str
    type: str
    is_billable: bool


class Line(msgspec.Struct, frozen=True):
    """All that a price depends on; messages that are alike in it are counted together."""

    tenant_id: int
    day: dt.date
    number_id: int
    country: str  # empty where none is known
    category: str
    type: str
    template: str  # empty for what is no template
    is_delivered: bool
    is_billable: bool

    @property
    def pricing(self) -> Pricing:
        """Return what Meta said."""
        return Pricing(self.category, self.type, self.is_billable)


def word_of(value: object) -> str | None:
    """Return a word of Meta's in one spelling (it writes both authentication-international and …_international)."""
    word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
    return word if _WORD.fullmatch(word) else None


def read_pricing(value: Any) -> Pricing | None:
    """Read the `pricing` of a status; None when it says nothing.

    The type decides what is charged, as Meta is about to drop `billable`; that one counts for types not known here.
    """
    if not isinstance(value, dict):
        return None
    category, kind, is_charged = value.get("category"), value.get("type"), value.get("billable")
    return _pricing(
        category if isinstance(category, str) and len(category) <= _LONGEST else None,
        kind if isinstance(kind, str) and len(kind) <= _LONGEST else None,
        is_charged if isinstance(is_charged, bool) else None,
    )


@functools.lru_cache(maxsize=1024)  # Meta has few words, and says them with every message
def _pricing(category: str | None, kind: str | None, is_charged: bool | None) -> Pricing | None:
    category, kind = word_of(category), word_of(kind)
    if category is None and kind is None and is_charged is None:
        return None
    if kind in FREE_TYPES:
        return Pricing(category or _UNKNOWN, kind, is_billable=False)
    is_billable = kind == REGULAR or is_charged is not False
    return Pricing(category or _UNKNOWN, kind or (REGULAR if is_billable else _UNKNOWN), is_billable)


def pricing_told(told: Iterable[tuple[str, str, Any]]) -> Pricing | None:
    """Return what counts of all that was told of a message, as (status, wamid, pricing), in whatever order.

    Meta tells it with `sent` and again with a later status: the one that is furthest on is the correction.
    """
    found = [
        (rank_of(status), wamid, pricing) for status, wamid, value in told if (pricing := read_pricing(value))
    ]
    return max(found)[2] if found else None


def day_of(moment: dt.datetime, time_zone: str) -> dt.date:
    """Return the day that it is there at this moment."""
    return moment.astimezone(zoneinfo.ZoneInfo(time_zone)).date()


def country_of(peer: str) -> str:
    """Return the country of a recipient, empty when none is known.

    A business-scoped id begins with its person's; it is a hint, as everything that is not the calling code.
    """
    if phone.is_bsuid(peer):
        return peer[:2]
    return phone.country_of(peer) or ""
