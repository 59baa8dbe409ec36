"""The catalogue of public events: what makes each type happen and what it tells. Documented in `docs/events.md`."""

from collections.abc import Mapping
from typing import Any

import msgspec


class EventType(msgspec.Struct, frozen=True):
    """A kind of event; `fields` are those of its payload."""

    when: str
    fields: tuple[str, ...]


_OF_A_CODE = ("otp_id", "phone", "purpose", "template_name", "language", "expires_at", "message")
CATALOGUE: Mapping[str, EventType] = {
    "otp.sent": EventType("WhatsApp took the message with the code.", _OF_A_CODE),
    "otp.delivered": EventType("The message with the code is on the phone.", _OF_A_CODE),
    "otp.verified": EventType(
        "The right code was entered.", ("otp_id", "phone", "purpose", "verified_at", "wrong_attempts")
    ),
    "otp.failed": EventType(
        "The message with the code was refused, could not be delivered, or expired before it could be sent.",
        _OF_A_CODE,
    ),
    "otp.blocked": EventType(
        "A budget against pumping is used up; once per budget and period.",
        ("reason", "subject", "budget", "period", "retry_after", "phone", "purpose", "country", "prefix"),
    ),
    "otp.alarm": EventType(
        "Too few of the codes sent to a prefix were entered, which is what pumping looks like; once an hour.",
        ("prefix", "country", "sent", "verified", "hour"),
    ),
    "challenge.verified": EventType(
        "A user has sent the code from WhatsApp.",
        ("challenge_id", "purpose", "phone", "contact_id", "message", "verified_at"),
    ),
}


class Event(msgspec.Struct, frozen=True):
    """Something that happened; of several with the same `once` only the first is kept."""

    type: str
    payload: Mapping[str, Any]
    once: str | None = None
