"""The slow, forgiving reading of webhook bodies: any shape gives values, never an exception."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from rasl.domain.message_status import REPORTED_BY_META, MessageStatus
from rasl.domain.phone import is_bsuid
from rasl.graph.changes import (
    AccountFailure,
    Change,
    InboundMessage,
    Malformed,
    OtherChange,
    StatusChange,
)
from rasl.graph.display import text_of
from rasl.graph.errors import GraphFailure, failure_from_error

STATUSES: dict[str, MessageStatus] = {status.value: status for status in REPORTED_BY_META}
PAYMENT = "payment"
_PHONE = re.compile(r"\+?([0-9]{4,20})")
_FIRST_MILLISECONDS = 10**12
# Ids are keys of indexes, whose entries have a limit; Meta's longest have about a hundred characters.
LONGEST_ID = 255
# What a message without a type, as Meta's own reference has them, is known by: the object that it carries.
_CARRIED = (
    "text",
    "image",
    "video",
    "audio",
    "voice",
    "sticker",
    "document",
    "location",
    "contacts",
    "reaction",
    "interactive",
    "button",
    "order",
    "system",
)


def changes_of_body(body: Any) -> list[Change]:
    """Return the changes of a whole body of any shape."""
    entries = body.get("entry") if isinstance(body, dict) else None
    if not isinstance(entries, list):
        return [Malformed("body without a list of entries", body)]
    return [change for entry in entries for change in _changes_of_entry(entry)]


def _changes_of_entry(entry: Any) -> Iterator[Change]:
    changes = entry.get("changes") if isinstance(entry, dict) else None
    if not isinstance(changes, list):
        yield Malformed("entry without a list of changes", entry)
        return
    waba_id = _id(entry, "id") or ""
    for change in changes:
        field = _id(change, "field")
        if field is None:
            yield Malformed("change without a field", change)
        else:
            yield from changes_of(waba_id, field, change.get("value"), entry.get("time"))


def changes_of(waba_id: str, field: str, value: Any, time: object = None) -> Iterator[Change]:
    """Yield what one change holds: every message, status and error of `messages`, else the change itself."""
    phone_number_id = _id(_part(value, "metadata"), "phone_number_id")
    if field != "messages":
        yield OtherChange(field, phone_number_id, waba_id, value, moment(time))
        return
    if phone_number_id is None:
        yield Malformed("messages without a phone_number_id", value)
        return
    known = False
    contacts = [contact for contact in _list(value, "contacts") if isinstance(contact, dict)]
    for message in _list(value, "messages"):
        known = True
        yield _message(phone_number_id, waba_id, message, contacts)
    for status in _list(value, "statuses"):
        known = True
        yield _status(phone_number_id, waba_id, status)
    for failure in failures(_list(value, "errors")):
        known = True
        yield AccountFailure(phone_number_id, waba_id, failure)
    if not known:
        yield OtherChange(field, phone_number_id, waba_id, value)


def moment(value: object) -> datetime | None:
    """Return the time of a Unix timestamp in seconds, or in milliseconds if it is that large."""
    with contextlib.suppress(ValueError, TypeError, OverflowError, OSError):
        number = int(value)  # type: ignore[call-overload]
        return datetime.fromtimestamp(number / 1000 if number >= _FIRST_MILLISECONDS else number, UTC)
    return None


def phone_digits(text: str | None) -> str | None:
    """Return the digits if the text is a phone number as Meta writes it."""
    match = _PHONE.fullmatch(text) if text else None
    return match[1] if match else None


def bsuid(text: str | None) -> str | None:
    """Return the text if it is a business-scoped user id, which Meta also puts where phones belong."""
    return text if text and is_bsuid(text) else None


def failures(errors: Any) -> tuple[GraphFailure, ...]:
    """Return the errors of a status, a message or a value."""
    if not isinstance(errors, list):
        return ()
    return tuple(failure_from_error(error) for error in errors if isinstance(error, dict))


def _status(phone_number_id: str, waba_id: str, item: Any) -> Change:
    wamid = _id(item, "id")
    if wamid is None:
        return Malformed("status without an id", item)
    status = STATUSES.get(_text(item, "status") or "")
    if status is None or _text(item, "type") == PAYMENT:
        return OtherChange("messages", phone_number_id, waba_id, {"statuses": [item]})
    recipient = _text(item, "recipient_id")
    return StatusChange(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=wamid,
        status=status,
        timestamp=moment(item.get("timestamp")),
        recipient_wa_id=phone_digits(recipient),
        recipient_bsuid=_text(item, "recipient_user_id") or bsuid(recipient),
        participant=_text(item, "recipient_participant_id") or _text(item, "recipient_participant_user_id"),
        opaque=_text(item, "biz_opaque_callback_data"),
        errors=failures(item.get("errors")),
        pricing=_part(item, "pricing"),
        conversation=_part(item, "conversation"),
    )


def _message(phone_number_id: str, waba_id: str, item: Any, contacts: list[dict[str, Any]]) -> Change:
    wamid = _id(item, "id")
    if wamid is None:
        return Malformed("message without an id", item)
    sender, sender_user = _id(item, "from"), _id(item, "from_user_id")
    contact = _contact(sender, sender_user, contacts)
    wa_id = _id(contact, "wa_id")
    phone = phone_digits(sender) or phone_digits(wa_id)
    user = sender_user or bsuid(sender) or _id(contact, "user_id") or bsuid(wa_id)
    if phone is None and user is None:
        return Malformed("message without a sender", item)
    profile = _part(contact, "profile")
    kind, item = _kind(item)
    return InboundMessage(
        phone_number_id=phone_number_id,
        waba_id=waba_id,
        wamid=wamid,
        sender_phone=phone,
        sender_bsuid=user,
        parent_bsuid=_id(item, "from_parent_user_id") or _id(contact, "parent_user_id"),
        profile_name=_text(profile, "name"),
        username=(_text(profile, "username") or "").removeprefix("@") or None,
        timestamp=moment(item.get("timestamp")),
        type=kind,
        text=text_of(kind, item),
        payload=item,
        context_wamid=_id(_part(item, "context"), "id"),
        group_id=_text(item, "group_id"),
    )


def _kind(item: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the type of a message, and the message as it is told under that type."""
    kind = _id(item, "type") or next(
        (name for name in _CARRIED if isinstance(item.get(name), dict | list)), "unknown"
    )
    if kind != "voice":
        return kind, item
    # The older name of an audio that was spoken into the phone.
    voice = _part(item, "voice") or {}
    return "audio", {**item, "type": "audio", "audio": {**voice, "voice": True}}


def _contact(
    sender: str | None, sender_user: str | None, contacts: list[dict[str, Any]]
) -> dict[str, Any] | None:
    wanted = {sender, sender_user} - {None}
    if not wanted:
        # Nothing in the message itself tells who wrote it, and only one person can be meant.
        return contacts[0] if len(contacts) == 1 else None
    for contact in contacts:
        if wanted & {_text(contact, "wa_id"), _text(contact, "user_id")}:
            return contact
    return None


def _text(value: Any, key: str) -> str | None:
    item = value.get(key) if isinstance(value, dict) else None
    if isinstance(item, int) and not isinstance(item, bool):
        return str(item)
    return item if isinstance(item, str) and item else None


def _id(value: Any, key: str) -> str | None:
    """Return a text that may be a key; a longer one is none of Meta's."""
    text = _text(value, key)
    return text if text is not None and len(text) <= LONGEST_ID else None


def _part(value: Any, key: str) -> dict[str, Any] | None:
    item = value.get(key) if isinstance(value, dict) else None
    return item if isinstance(item, dict) else None


def _list(value: Any, key: str) -> list[Any]:
    item = value.get(key) if isinstance(value, dict) else None
    return item if isinstance(item, list) else []
