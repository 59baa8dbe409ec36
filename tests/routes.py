"""Sample data of routes for the sweep over all of them, and that of the sends."""

import dataclasses
import itertools
from collections.abc import Mapping
from typing import Any

from tests import samples

PHONE = "+442079460011"
# What names things of ours in a body without ending like an id.
NAMING = frozenset({"ids", "groups", "context"})


@dataclasses.dataclass(frozen=True)
class Route:
    """Sample data of one route: a call that works for acme, and every place in it that names a thing.

    A place is path, query or body, the name there, and what kind of thing of the world it names. `named` is what the
    sample body names, by kind; `free` is what ends like an id in a body and names nothing of ours.
    """

    scope: str | None
    body: Mapping[str, Any] | None = None
    path: Mapping[str, str] = dataclasses.field(default_factory=dict)
    places: tuple[tuple[str, str, str], ...] = ()
    alias_of: str | None = None
    named: Mapping[str, str] = dataclasses.field(default_factory=dict)
    free: frozenset[str] = frozenset()
    status: int = 200  # of the sample call
    missing_status: int = 404  # when a body names what is not there
    # The same where it differs by place.
    missing_statuses: Mapping[str, int] = dataclasses.field(default_factory=dict)
    empty_status: int = 422  # of an empty body
    file: bytes | None = None  # sent as the file of a form
    file_field: str = "file"
    fields: Mapping[str, str] = dataclasses.field(default_factory=dict)  # of the form
    other_scope: str | None = None  # which does as well

    @property
    def scopes(self) -> tuple[str, ...]:
        """The scopes of which one will do."""
        return tuple(scope for scope in (self.scope, self.other_scope) if scope is not None)

    def body_of(self, own: Mapping[str, Any]) -> dict[str, Any]:
        """Return the sample body of whoever has these things; an empty phone becomes one never seen before."""
        body = {**(self.body or {}), **{key: own[kind] for key, kind in self.named.items()}}
        return body | ({"phone": f"+442079{next(phones)}"} if body.get("phone") == "" else {})


phones = itertools.count(470_000)


# From which number a send goes out, to whom, and what it quotes.
NUMBER = ("body", "from_phone_number_id", "number")
RECIPIENT = (("body", "contact_id", "contact"), ("body", "context", "reply"), NUMBER)
_WRONG: dict[str, int] = {"context": 422, "from_phone_number_id": 422}


def send_route(
    body: Mapping[str, Any], places: tuple[tuple[str, str, str], ...] = RECIPIENT, **more: Any
) -> Route:
    """Sample data of a send to somebody."""
    return Route("messages:send", body, places=places, **{"missing_statuses": _WRONG, **more})


SENDS = {
    "POST /messages/text": send_route({"phone": PHONE, "message": "hi"}),
    "POST /messages/interactive": send_route(
        {"phone": PHONE, "type": "button", "body_text": "Yes?", "buttons": [{"id": "yes", "title": "Yes"}]},
        free=frozenset({"flow_id", "catalog_id", "product_retailer_id", "product_retailer_ids"})
        | {"thumbnail_product_retailer_id", "header_media_id"},
    ),
    "POST /messages/cta": send_route(
        {"phone": PHONE, "message": "x", "button_text": "Open", "button_url": "https://a.test"}
    ),
    "POST /messages/location": send_route({"phone": PHONE, "latitude": 51.4, "longitude": 0}),
    "POST /messages/contacts": send_route(
        {"phone": PHONE, "contacts": [{"name": {"formatted_name": "Priya"}}]}
    ),
    "POST /messages/reaction": send_route(
        {"emoji": "\U0001f44d"},
        (
            ("body", "message_id", "message"),
            ("body", "message_id", "wamid"),
            ("body", "contact_id", "contact"),
            NUMBER,
        ),
        named={"message_id": "message"},
        free=frozenset({"context"}),
        missing_statuses={"message_id": 422, "from_phone_number_id": 422},
    ),
    "POST /messages/{message_id}/read": Route(
        "messages:send",
        {},
        path={"message_id": "received"},
        places=(("path", "message_id", "received"), ("path", "message_id", "received_wamid")),
        empty_status=200,
    ),
}

FILES = {
    "POST /messages/media": Route(
        "messages:send",
        {"phone": PHONE, "media_type": "image"},
        named={"media_id": "media"},
        places=(*RECIPIENT, ("body", "media_id", "media")),
        missing_statuses=_WRONG,
    ),
    "POST /messages/sticker": Route(
        "messages:send",
        {"phone": PHONE},
        named={"media_id": "sticker"},
        places=(*RECIPIENT, ("body", "media_id", "sticker")),
        missing_statuses=_WRONG,
    ),
    "POST /media": Route(
        "messages:send", file=samples.PNG, file_field="media_file", fields={"media_type": "image"}, status=201
    ),
    "GET /media/{media_id}": Route(
        "messages:read", path={"media_id": "media"}, places=(("path", "media_id", "media"),)
    ),
}

ORDER: dict[str, Any] = {
    "name": "order_update",
    "language": "en_GB",
    "components": [
        {
            "type": "BODY",
            "text": "Hi {{1}}, your order is on its way to you.",
            "example": {"body_text": [["Priya"]]},
        }
    ],
}
_TEMPLATE: Any = {"path": {"template_id": "template"}, "places": (("path", "template_id", "template"),)}
_NEW = {
    "name": "parcel_ready",
    "category": "UTILITY",
    **{key: ORDER[key] for key in ("language", "components")},
}
TEMPLATES = {
    "POST /messages/template": send_route(
        {"phone": PHONE, "template_name": ORDER["name"], "language": "en_GB", "field_1": "Priya"},
        free=frozenset({"header_media_id"}),
    ),
    "GET /templates": Route("templates:read"),
    "GET /templates/{template_id}": Route("templates:read", **_TEMPLATE),
    "POST /templates/sync": Route("templates:sync"),
    "POST /templates": Route(
        "templates:write", _NEW, free=frozenset({"waba_id", "header_sample_media_id"}), status=201
    ),
    "PATCH /templates/{template_id}": Route(
        "templates:write",
        {"components": [{"type": "BODY", "text": "Your order is on its way to you."}]},
        free=frozenset({"header_sample_media_id"}),
        **_TEMPLATE,
    ),
    "DELETE /templates/{template_id}": Route("templates:delete", **_TEMPLATE),
    "POST /templates/lint": Route("templates:read", _NEW),
    "POST /templates/{template_id}/preview": Route(
        "templates:read", {"values": {"field_1": "Priya"}}, empty_status=200, **_TEMPLATE
    ),
}

_TOKEN: Any = {"path": {"token_id": "token"}, "places": (("path", "token_id", "token"),)}
TOKENS = {
    "GET /tokens": Route("tokens:read"),
    "POST /tokens": Route("tokens:write", {"name": "Shop", "scopes": ["tokens:write"]}, status=201),
    "GET /tokens/{token_id}": Route("tokens:read", **_TOKEN),
    "PATCH /tokens/{token_id}": Route("tokens:write", {"name": "Another"}, empty_status=200, **_TOKEN),
    "POST /tokens/{token_id}/rotate": Route(
        "tokens:write", {"overlap_minutes": 10}, empty_status=201, status=201, **_TOKEN
    ),
    "DELETE /tokens/{token_id}": Route("tokens:write", **_TOKEN),
}

_WEBHOOK: Any = {"path": {"webhook_id": "webhook"}, "places": (("path", "webhook_id", "webhook"),)}
_DELIVERY: Any = {
    "path": {"webhook_id": "webhook", "delivery_id": "delivery"},
    "places": (("path", "webhook_id", "webhook"), ("path", "delivery_id", "delivery")),
}
_HOOK = "/webhooks/{webhook_id}"
WEBHOOKS = {
    "GET /webhooks": Route("webhooks:read"),
    "POST /webhooks": Route("webhooks:write", {"url": "http://127.0.0.1:9/hook"}, status=201),
    "GET /webhooks/events": Route("webhooks:read"),
    f"GET {_HOOK}": Route("webhooks:read", **_WEBHOOK),
    f"PATCH {_HOOK}": Route("webhooks:write", {"description": "Another"}, empty_status=200, **_WEBHOOK),
    f"POST {_HOOK}/rotate-secret": Route(
        "webhooks:write", {"overlap_hours": 1}, empty_status=200, **_WEBHOOK
    ),
    f"POST {_HOOK}/test": Route("webhooks:write", {"event": "contact.created"}, empty_status=200, **_WEBHOOK),
    f"GET {_HOOK}/deliveries": Route("webhooks:read", **_WEBHOOK),
    f"GET {_HOOK}/deliveries/{{delivery_id}}": Route("webhooks:read", **_DELIVERY),
    f"POST {_HOOK}/deliveries/{{delivery_id}}/replay": Route("webhooks:write", **_DELIVERY),
    f"POST {_HOOK}/replay": Route("webhooks:write", {"state": "failed"}, empty_status=200, **_WEBHOOK),
    f"DELETE {_HOOK}": Route("webhooks:write", **_WEBHOOK),
}

_NUMBER: Any = {"path": {"phone_number_id": "number"}, "places": (("path", "phone_number_id", "number"),)}
NUMBERS = {
    "GET /numbers": Route("numbers:read"),
    "POST /numbers": Route(
        "numbers:write",
        {"app_secret": "a-secret", "verify_token": "a-word"},
        named={"phone_number_id": "number", "waba_id": "waba", "access_token": "access_token"},
        free=frozenset({"phone_number_id", "waba_id", "app_id"}),
        status=201,
    ),
    "GET /numbers/{phone_number_id}": Route("numbers:read", **_NUMBER),
    "PATCH /numbers/{phone_number_id}": Route(
        "numbers:write", {"is_default": True}, empty_status=200, **_NUMBER
    ),
    "DELETE /numbers/{phone_number_id}": Route("numbers:write", **_NUMBER),
}
