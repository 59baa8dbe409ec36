"""The webhook field `messages`: what people wrote, reports about what we wrote, and errors of a number.

Any shape gives changes, never an exception: what cannot be read is Malformed, and its neighbours are read all the same.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from rasl.graph.changes import (
    AccountFailure,
    Change,
    InboundMessage,
    Malformed,
    OtherChange,
    Part,
    StatusChange,
)
from rasl.graph.display import text_of
from rasl.graph.loose import bsuid, failures, id_in, list_in, moment, object_in, phone_digits, text_in
from rasl.graph.statuses import PAYMENT, STATUSES, parse_quickly

# What a message without a type, as Meta's own reference has them, is known by: the object that it carries.
_CARRIED = (
    *("text", "image", "video", "audio", "voice", "sticker", "document", "location", "contacts", "reaction"),
    *("interactive", "button", "order", "system"),
)


def parse(part: Part) -> Sequence[Change]:
    """Return every message, status and error that the value holds."""
    quick = parse_quickly(part.waba_id, part.value) if isinstance(part.value, msgspec.Raw) else None
    return quick or list(_parse(part.waba_id, part.read()))


def _parse(waba_id: str, value: Any) -> Iterator[Change]:
    phone_number_id = id_in(object_in(value, "metadata"), "phone_number_id")
    if phone_number_id is None:
        yield Malformed("messages without a phone_number_id", value)
        return
    contacts = [contact for contact in list_in(value, "contacts") if isinstance(contact, dict)]
    messages, statuses = list_in(value, "messages"), list_in(value, "statuses")
    errors = failures(list_in(value, "errors"))
    for message in messages:
        yield _message(phone_number_id, waba_id, message, contacts)
    for status in statuses:
        yield _status(phone_number_id, waba_id, status)
    for failure in errors:
        yield AccountFailure(phone_number_id, waba_id, failure)
    if not (messages or statuses or errors):
        yield OtherChange("messages", phone_number_id, waba_id, value)


def _status(phone_number_id: str, waba_id: str, item: Any) -> Change:
    wamid = id_in(item, "id")
    if wamid is None:
        return Malformed("status without an id", item)
    status = STATUSES.get(text_in(item, "status") or "")
    if status is None or text_in(item, "type") == PAYMENT:
        return OtherChange("messages", phone_number_id, waba_id, {"statuses": [item]})
    recipient = text_in(item, "recipient_id")
    return StatusChange(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=wamid,
        status=status,
        timestamp=moment(item.get("timestamp")),
        recipient_wa_id=phone_digits(recipient),
        recipient_bsuid=text_in(item, "recipient_user_id") or bsuid(recipient),
        participant=text_in(item, "recipient_participant_id")
        or text_in(item, "recipient_participant_user_id"),
        opaque=text_in(item, "biz_opaque_callback_data"),
        errors=failures(item.get("errors")),
        pricing=object_in(item, "pricing"),
        conversation=object_in(item, "conversation"),
    )


def _message(phone_number_id: str, waba_id: str, item: Any, contacts: list[dict[str, Any]]) -> Change:
    wamid = id_in(item, "id")
    if wamid is None:
        return Malformed("message without an id", item)
    sender, sender_user = id_in(item, "from"), id_in(item, "from_user_id")
    contact = _contact(sender, sender_user, contacts)
    wa_id = id_in(contact, "wa_id")
    phone = phone_digits(sender) or phone_digits(wa_id)
    user = sender_user or bsuid(sender) or id_in(contact, "user_id") or bsuid(wa_id)
    if phone is None and user is None:
        return Malformed("message without a sender", item)
    profile = object_in(contact, "profile")
    kind, item = _kind(item)
    return InboundMessage(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=wamid,
        sender_phone=phone,
        sender_bsuid=user,
        parent_bsuid=id_in(item, "from_parent_user_id") or id_in(contact, "parent_user_id"),
        profile_name=text_in(profile, "name"),
        username=(text_in(profile, "username") or "").removeprefix("@") or None,
        timestamp=moment(item.get("timestamp")),
        type=kind,
        text=text_of(kind, item),
        payload=item,
        context_wamid=id_in(object_in(item, "context"), "id"),
        group_id=text_in(item, "group_id"),
    )


def _kind(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type of a message, and the message as it is told under that type."""
    kind = id_in(item, "type") or next(
        (name for name in _CARRIED if isinstance(item.get(name), dict | list)), "unknown"
    )
    if kind != "voice":
        return kind, item
    # The older name of an audio that was spoken into the phone.
    voice = object_in(item, "voice") or {}
    return "audio", {**item, "type": "audio", "audio": {**voice, "voice": True}}


def _contact(
    sender: str | None, sender_user: str | None, contacts: list[dict[str, Any]]
) -> dict[str, Any] | None:
    wanted = {sender, sender_user} - {None}
    if not wanted:
        # Nothing in the message itself tells who wrote it, and only one person can be meant.
        return contacts[0] if len(contacts) == 1 else None
    for contact in contacts:
        if wanted & {text_in(contact, "wa_id"), text_in(contact, "user_id")}:
            return contact
    return None
