"""The catalogue of public events: each type with what makes it happen."""

from collections.abc import Mapping
from typing import Any

import msgspec

CATALOGUE: Mapping[str, str] = {
    "otp.sent": "WhatsApp took the message with the code.",
    "otp.delivered": "The message with the code is on the phone.",
    "otp.verified": "The right code was entered.",
    "otp.failed": "The message with the code was refused, could not be delivered, or expired before it could be sent.",
    "otp.blocked": "A budget against pumping is used up; once per budget and period.",
    "otp.alarm": "Too few of the codes sent to a prefix were entered, which is what pumping looks like; once an hour.",
    "challenge.verified": "A user has sent the code from WhatsApp.",
}


class Event(msgspec.Struct, frozen=True):
    """Something that happened; `once` names what happens only once."""

    type: str
    payload: Mapping[str, Any]
    once: str | None = None
