"""Meta's webhook bodies, parsed: every entry, change, message and status, each with its own number.

Statuses are nearly all of the traffic and go through typed decoding. Whatever does not fit the types (numbers
for texts, missing parts, fields that changed their shape) is read again by `tolerant`, value by value.
"""

from typing import Annotated, Any

import msgspec

from rasl.domain.message_status import MessageStatus
from rasl.graph import tolerant
from rasl.graph.changes import (
    AccountFailure,
    Change,
    InboundMessage,
    Malformed,
    OtherChange,
    StatusChange,
)
from rasl.graph.storable import NotJsonError, decode, storable

__all__ = [
    "AccountFailure",
    "Change",
    "InboundMessage",
    "Malformed",
    "NotJsonError",
    "OtherChange",
    "StatusChange",
    "parse",
]


# An empty text says as much as none, a long one is no key; only the tolerant reading knows that.
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=tolerant.LONGEST_ID)]
_Long = Annotated[str, msgspec.Meta(min_length=1)]
# Of large numbers and deep values the tolerant reading makes what can be stored.
_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Plain = _Number | str | None


class _Change(msgspec.Struct):
    field: _Word
    value: msgspec.Raw


class _Entry(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(max_length=tolerant.LONGEST_ID)]
    changes: list[_Change]
    time: int | None = None


class _Envelope(msgspec.Struct):
    entry: list[_Entry]


class _Metadata(msgspec.Struct):
    phone_number_id: _Word


class _Status(msgspec.Struct):
    id: _Word
    status: _Word
    timestamp: str
    type: _Word | None = None
    recipient_id: _Word | None = None
    recipient_user_id: _Word | None = None
    recipient_participant_id: _Word | None = None
    recipient_participant_user_id: _Word | None = None
    biz_opaque_callback_data: _Long | None = None
    pricing: dict[str, _Plain | bool] | None = None
    conversation: dict[str, _Plain | dict[str, _Plain]] | None = None
    errors: list[Any] | None = None


class _OnlyStatuses(msgspec.Struct):
    metadata: _Metadata
    statuses: list[_Status]
    messages: None = None
    errors: None = None


_ENVELOPE = msgspec.json.Decoder(_Envelope)
_ONLY_STATUSES = msgspec.json.Decoder(_OnlyStatuses)
# Postgres takes no NUL in text or jsonb; the tolerant path replaces it.
_NUL = b"\\u0000"


def parse(raw: bytes) -> list[Change]:
    """Return everything that the body tells, in its order; raises only NotJsonError."""
    if _NUL in raw:
        return tolerant.changes_of_body(decode(raw))
    try:
        envelope = _ENVELOPE.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return tolerant.changes_of_body(decode(raw))
    changes: list[Change] = []
    for entry in envelope.entry:
        for change in entry.changes:
            statuses = _statuses(entry.id, change) if change.field == "messages" else None
            if statuses is None:
                value = decode(change.value)
                changes += tolerant.changes_of(entry.id, change.field, value, entry.time)
            else:
                changes += statuses
    return changes


def _statuses(waba_id: str, change: _Change) -> list[StatusChange] | None:
    """Return the statuses of a value that holds nothing else, all well-formed; None for any other value."""
    try:
        value = _ONLY_STATUSES.decode(change.value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    phone_number_id = value.metadata.phone_number_id
    if not value.statuses:
        return None
    changes = []
    for item in value.statuses:
        status = tolerant.STATUSES.get(item.status)
        if status is None or item.type == tolerant.PAYMENT:
            return None
        changes.append(_status_change(phone_number_id, waba_id, status, item))
    return changes


def _status_change(phone_number_id: str, waba_id: str, status: MessageStatus, item: _Status) -> StatusChange:
    recipient = item.recipient_id
    wa_id = tolerant.phone_digits(recipient) if recipient else None
    return StatusChange(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=item.id,
        status=status,
        timestamp=tolerant.moment(item.timestamp),
        recipient_wa_id=wa_id,
        recipient_bsuid=item.recipient_user_id or (tolerant.bsuid(recipient) if wa_id is None else None),
        participant=item.recipient_participant_id or item.recipient_participant_user_id,
        opaque=item.biz_opaque_callback_data,
        errors=tolerant.failures(storable(item.errors)) if item.errors else (),
        pricing=item.pricing,
        conversation=item.conversation,
    )
