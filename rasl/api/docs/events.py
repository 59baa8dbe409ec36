"""The document of what webhooks are told: an OpenAPI document beside that of the API, which has no room for it."""

import datetime as dt
from typing import Any

import msgspec

from rasl import __version__
from rasl.domain.events.catalogue import CATALOGUE, Kind
from rasl.domain.events.formats import Account, render, sample
from rasl.domain.events.schemas import ContactRelationships, EventEnvelope

PATH = "/api/v2/events.json"
_REF = "#/components/schemas/{name}"
_AT = dt.datetime(2026, 3, 4, 9, 15, 22, tzinfo=dt.UTC)
_ACCOUNT = Account(17, "Harbour Books", "harbour")
_KEY = "evt_1772615722_9f2c41d0a7b34e55"
_DESCRIPTION = (
    "What RASL posts to webhooks of the format `n8n`, by the type of the event. Answer with 2xx; `event.id` is the "
    "same in every attempt. Other formats and what is told when: docs/events.md."
)


def document() -> dict[str, Any]:
    """Return it as data: one webhook for each type of event."""
    shapes = list(dict.fromkeys(kind.shape for kind in CATALOGUE.values()))
    _, schemas = msgspec.json.schema_components(
        [EventEnvelope, ContactRelationships, *shapes], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "RASL events", "version": __version__, "description": _DESCRIPTION},
        "webhooks": {kind.name: {"post": _operation(kind)} for kind in CATALOGUE.values()},
        "components": {"schemas": dict(sorted(schemas.items()))},
    }


def _operation(kind: Kind) -> dict[str, Any]:
    example = msgspec.json.decode(render(sample(kind.name, _ACCOUNT, _AT, _KEY), _ACCOUNT, "n8n"))
    content = {"schema": _schema(kind), "example": example}
    return {
        "summary": kind.when,
        "tags": [kind.noun],
        "x-opt-in": kind.is_opt_in,
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {"2XX": {"description": "Taken: it is not posted again."}},
    }


def _schema(kind: Kind) -> dict[str, Any]:
    """Return the envelope with what this type of event has in it."""
    attributes = _REF.format(name=kind.shape.__name__)
    data: dict[str, Any] = {"resource": _having(type={"const": kind.noun}, attributes={"$ref": attributes})}
    if kind.noun == "contact":
        data["relationships"] = {"$ref": _REF.format(name=ContactRelationships.__name__)}
    own = _having(event=_having(type={"const": kind.name}), data=_having(**data))
    return {"allOf": [{"$ref": _REF.format(name=EventEnvelope.__name__)}, own]}


def _having(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}
