"""Reports about our messages, nearly all that Meta posts, read by types: quickly, or not at all.

Whatever does not fit (numbers for texts, missing parts, a field that changed its shape, anything besides statuses) is
left to the loose reading in `graph/messages.py`, which takes several times as long.
"""

from typing import Annotated, Any

import msgspec

from rasl.domain.message_status import REPORTED_BY_META, MessageStatus
from rasl.graph.changes import StatusChange
from rasl.graph.loose import LONGEST_ID, bsuid, failures, moment, phone_digits
from rasl.graph.storable import storable

STATUSES: dict[str, MessageStatus] = {status.value: status for status in REPORTED_BY_META}
PAYMENT = "payment"
# An empty text says as much as none, a long one is no key; only the loose reading knows that.
_Word = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
_Long = Annotated[str, msgspec.Meta(min_length=1)]
# Of large numbers and deep values the loose reading makes what can be stored.
_Number = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_Plain = _Number | str | None


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


_ONLY_STATUSES = msgspec.json.Decoder(_OnlyStatuses)


def parse_quickly(waba_id: str, raw: msgspec.Raw) -> list[StatusChange] | None:
    """Return the statuses of a value that holds nothing else, all well-formed; None for any other value."""
    try:
        value = _ONLY_STATUSES.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    changes = []
    for item in value.statuses:
        status = STATUSES.get(item.status)
        if status is None or item.type == PAYMENT:
            return None
        changes.append(_change(value.metadata.phone_number_id, waba_id, status, item))
    return changes or None


def _change(phone_number_id: str, waba_id: str, status: MessageStatus, item: _Status) -> StatusChange:
    recipient = item.recipient_id
    wa_id = phone_digits(recipient) if recipient else None
    return StatusChange(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=item.id,
        status=status,
        timestamp=moment(item.timestamp),
        recipient_wa_id=wa_id,
        recipient_bsuid=item.recipient_user_id or (bsuid(recipient) if wa_id is None else None),
        participant=item.recipient_participant_id or item.recipient_participant_user_id,
        opaque=item.biz_opaque_callback_data,
        errors=failures(storable(item.errors)) if item.errors else (),
        pricing=item.pricing,
        conversation=item.conversation,
    )
