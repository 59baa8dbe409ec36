"""Webhook bodies as Meta writes them: envelope, escaping and signature."""

import hmac
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from metasim.store import Number

_encode = msgspec.json.Encoder().encode
_NON_ASCII = re.compile(r"[^\x00-\x7f]")

OBJECT = "whatsapp_business_account"


class Update(NamedTuple):
    """One status or inbound message on its way to a callback."""

    number: Number
    kind: str
    content: dict[str, Any]
    contact: dict[str, Any] | None = None


def envelope(changes: Iterable[tuple[str, str, Any]], at: int | None = None) -> dict[str, Any]:
    """The body that carries (account id, field, value) changes."""
    entries: dict[str, dict[str, Any]] = {}
    for waba_id, field, value in changes:
        entry = entries.get(waba_id)
        if entry is None:
            entry = entries[waba_id] = {"id": waba_id, "changes": []}
            if at is not None:
                entry["time"] = at
        entry["changes"].append({"value": value, "field": field})
    return {"object": OBJECT, "entry": list(entries.values())}


def batch(updates: Iterable[Update]) -> bytes:
    """Many updates in one body: one change per number and kind."""
    values: dict[tuple[str, str], tuple[str, dict[str, Any]]] = {}
    seen: set[tuple[str, str]] = set()
    for number, kind, content, contact in updates:
        known = values.get((number.id, kind))
        if known is None:
            known = (number.waba.id, {"messaging_product": "whatsapp", "metadata": number.metadata()})
            values[number.id, kind] = known
        value = known[1]
        if contact is not None:
            who = (number.id, contact.get("wa_id") or contact.get("user_id", ""))
            if who not in seen:
                seen.add(who)
                value.setdefault("contacts", []).append(contact)
        value.setdefault(kind, []).append(content)
    return encode(envelope((waba_id, "messages", value) for waba_id, value in values.values()))


def encode(body: Any) -> bytes:
    r"""JSON with every non-ASCII character as \uXXXX and every slash as \/."""
    raw = _encode(body).replace(b"/", b"\\/")
    if raw.isascii():
        return raw
    return _NON_ASCII.sub(_escape, raw.decode()).encode("ascii")


def _escape(match: re.Match[str]) -> str:
    point = ord(match[0])
    if point < 0x10000:
        return f"\\u{point:04x}"
    point -= 0x10000
    return f"\\u{0xD800 + (point >> 10):04x}\\u{0xDC00 + (point & 0x3FF):04x}"


def signatures(body: bytes, app_secret: str) -> dict[str, str]:
    """Both signature headers over the final bytes."""
    key = app_secret.encode()
    return {
        "X-Hub-Signature": "sha1=" + hmac.digest(key, body, "sha1").hex(),
        "X-Hub-Signature-256": "sha256=" + hmac.digest(key, body, "sha256").hex(),
    }
