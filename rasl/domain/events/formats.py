"""Events as they are delivered: pure, so that every attempt at one delivery sends the same bytes.

`n8n` is the contract's envelope (api-v2 section 12.2), `default` the one before it (12.3), `meta` what Meta posted
(12.5).
"""

import datetime as dt
import hashlib
import uuid
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from rasl.domain.events import Event
from rasl.domain.events.catalogue import CATALOGUE

Format = Literal["n8n", "default", "meta"]
FORMATS: tuple[Format, ...] = ("n8n", "default", "meta")
VERSION = "1.0"
# What the contract's default format calls records.
_MODELS = {
    noun: f"App\\Models\\Tenant\\{noun.capitalize()}" for noun in ("contact", "status", "source", "group")
}
_MESSAGE_MODEL = "WhatsAppMessage"
_OUTCOMES = frozenset(
    {"message.delivered", "message.read", "message.played", "message.failed", "message.sent"}
)
_ENVIRONMENT = "production"


class Account(msgspec.Struct, frozen=True):
    """Whose event it is; `domain` is the subdomain."""

    id: int
    name: str
    domain: str


class Stored(msgspec.Struct, frozen=True):
    """An event as it was kept; `key` is its public id, and `payload` what `stored` made of it."""

    key: str
    type: str
    created_at: dt.datetime
    payload: Mapping[str, Any]


def stored(event: Event, request_id: str | None) -> dict[str, Any]:
    """Return what is kept of an event; what there is not of it is not there."""
    return {
        "id": event.id,
        "attributes": event.attributes,
        **({"previous": event.previous} if event.previous is not None else {}),
        **({"relationships": event.relationships} if event.relationships else {}),
        **({"original": event.original} if event.original is not None else {}),
        **({"request_id": request_id} if request_id else {}),
    }


def render(told: Stored, account: Account, format_: Format) -> bytes:
    """Return the body of a delivery."""
    payload: Mapping[str, Any] = told.payload
    if "attributes" not in payload:  # a program of before kept them alone
        payload = {"id": None, "attributes": told.payload}
    body = _RENDERED[format_](told, account, payload, _ordered(told.type, payload["attributes"]))
    return msgspec.json.encode(body)


def sample(type_: str, account: Account, at: dt.datetime, key: str) -> Stored:
    """Return an event of a type as it would be kept: for trying an endpoint, and for reading."""
    kind = CATALOGUE[type_]
    return Stored(key, type_, at, stored(kind.sample, request_id_of(f"{key}{account.id}", None)))


def request_id_of(key: str, request_id: str | None) -> str:
    """Return the request that caused an event; for one that no request caused a UUID that is always the same."""
    return request_id or str(uuid.UUID(bytes=hashlib.sha256(key.encode()).digest()[:16], version=4))


def _n8n(
    told: Stored, account: Account, payload: Mapping[str, Any], attributes: dict[str, Any]
) -> dict[str, Any]:
    noun, _, action = told.type.partition(".")
    return {
        "event": _event(told),
        "tenant": {"id": account.id, "name": account.name, "domain": account.domain},
        "data": {
            "resource": {"type": noun, "id": payload["id"], "attributes": attributes},
            "relationships": payload.get("relationships", {}),
        },
        "changes": _changes(action, payload.get("previous"), attributes),
        "metadata": _metadata(told, payload, "api_webhook_manager"),
    }


def _changes(action: str, previous: Mapping[str, Any] | None, attributes: dict[str, Any]) -> dict[str, Any]:
    """Return what became otherwise: of a new record all, of one that is gone what it was."""
    if previous is not None:
        names = [name for name in attributes if name in previous]
        return {
            "previous": {name: previous[name] for name in names},
            "current": {name: attributes[name] for name in names},
            "modified_fields": names,
        }
    return {
        "previous": attributes if action == "deleted" else None,
        "current": attributes if action == "created" else {},
        "modified_fields": None,
    }


def _default(
    told: Stored, account: Account, payload: Mapping[str, Any], attributes: dict[str, Any]
) -> dict[str, Any]:
    noun, _, action = told.type.partition(".")
    timestamp = _timestamp(told.created_at)
    if noun == "message":
        data = {
            "message_id": attributes["message_id"],
            "status": attributes["status"],
            "error_message": attributes["status_message"],
            "text": attributes["message"],
            "type": attributes["type"],
            "tenant_id": account.id,
        }
        return {"event": told.type, "model": _MESSAGE_MODEL, "data": data, "timestamp": timestamp}
    previous = payload.get("previous")
    return {
        "event": action if noun in _MODELS else told.type,
        "model": _MODELS.get(noun, noun.capitalize()),
        "data": {
            "id": payload["id"],
            "attributes": attributes,
            "relations": payload.get("relationships", {}),
        },
        "original": None if previous is None else attributes | dict(previous),
        "timestamp": timestamp,
    }


def _meta(
    told: Stored, account: Account, payload: Mapping[str, Any], attributes: dict[str, Any]
) -> dict[str, Any]:
    original = payload.get("original")
    noun = told.type.partition(".")[0]
    kind = "status" if told.type in _OUTCOMES else "account" if noun == "whatsapp" else noun
    return {
        "event": _event(told),
        "tenant": {"id": account.id, "name": account.name},
        "data": {
            "resource": {"type": kind, "id": payload["id"], "attributes": attributes},
            "relationships": payload.get("relationships", {}),
        },
        "whatsapp": {"original_payload": None if original is None else msgspec.Raw(original.encode())},
        "metadata": _metadata(told, payload, "whatsapp_webhook_forward"),
    }


_RENDERED = {"n8n": _n8n, "default": _default, "meta": _meta}


def _event(told: Stored) -> dict[str, str]:
    return {
        "id": told.key,
        "type": told.type,
        "timestamp": _timestamp(told.created_at),
        "version": VERSION,
    }


def _metadata(told: Stored, payload: Mapping[str, Any], source: str) -> dict[str, str]:
    request_id = request_id_of(told.key, payload.get("request_id"))
    return {"source": source, "environment": _ENVIRONMENT, "request_id": request_id}


def _timestamp(moment: dt.datetime) -> str:
    utc = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"


def _ordered(type_: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes in the order of the documentation; the database has an order of its own."""
    kind = CATALOGUE.get(type_)
    names = kind.shape.__struct_fields__ if kind else ()
    known = {name: attributes[name] for name in names if name in attributes}
    return known | dict(attributes)
