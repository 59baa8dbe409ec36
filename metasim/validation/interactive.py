"""Interactive messages: the parts every kind shares, and which of them each kind takes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from metasim.errors import invalid, refusal
from metasim.validation.actions import (
    ACTION,
    address,
    buttons,
    call_button,
    catalog,
    cta_url,
    flow,
    nothing,
    product,
    product_list,
    rows,
)
from metasim.validation.carousel import carousel
from metasim.validation.media import check_source
from metasim.validation.rules import Json, known_keys, required_object, required_text, sized
from metasim.validation.scene import Scene

_MEDIA_HEADERS = frozenset({"text", "image", "video", "document"})
_PARTS = frozenset({"type", "header", "body", "footer", "action"})


class _Kind(NamedTuple):
    check: Callable[[Json, Scene], None]
    body: int = 1024
    is_body_required: bool = True
    headers: frozenset[str] = frozenset()
    has_footer: bool = True
    name: str | None = None


_KINDS: dict[str, _Kind] = {
    "button": _Kind(buttons, headers=_MEDIA_HEADERS),
    "list": _Kind(rows, body=4096, headers=frozenset({"text"})),
    "cta_url": _Kind(cta_url, headers=_MEDIA_HEADERS, name="cta_url"),
    "location_request_message": _Kind(nothing, has_footer=False, name="send_location"),
    "address_message": _Kind(address, headers=_MEDIA_HEADERS, name="address_message"),
    "flow": _Kind(flow, headers=_MEDIA_HEADERS, name="flow"),
    "product": _Kind(product, is_body_required=False),
    "product_list": _Kind(product_list, headers=frozenset({"text"})),
    "catalog_message": _Kind(catalog, name="catalog_message"),
    "carousel": _Kind(carousel, has_footer=False),
    "call_permission_request": _Kind(nothing, name="call_permission_request"),
    "voice_call": _Kind(call_button, name="voice_call"),
    "request_contact_info": _Kind(nothing, name="request_contact_info"),
    "order_details": _Kind(nothing, headers=_MEDIA_HEADERS),
    "order_status": _Kind(nothing),
}


def check_interactive(content: Any, scene: Scene) -> None:
    """The parts every kind shares, then the action its kind demands."""
    interactive = required_object(content, "interactive")
    name = required_text(interactive.get("type"), "interactive['type']")
    kind = _KINDS.get(name)
    if kind is None:
        names = ", ".join(sorted(known.upper() for known in _KINDS))
        raise invalid(f"Param interactive['type'] must be one of {{{names}}} - got \"{name}\".")
    known_keys(interactive, "interactive", _PARTS)
    _check_header(interactive.get("header"), name, kind, scene)
    body = interactive.get("body")
    if body is not None or kind.is_body_required:
        text = required_object(body, "interactive['body']").get("text")
        sized(text, "Body text", kind.body)
    _check_footer(interactive.get("footer"), name, kind)
    action = required_object(interactive.get("action"), ACTION)
    if kind.name is not None and action.get("name") != kind.name:
        if action.get("name") is None:
            raise invalid(f"The parameter {ACTION}['name'] is required.")
        raise refusal(131009, f"Param {ACTION}['name'] must be {kind.name}.")
    kind.check(action, scene)


def _check_header(value: Any, name: str, kind: _Kind, scene: Scene) -> None:
    if value is None:
        if name == "product_list":
            raise refusal(
                131008, "The parameter interactive['header'] is required for product list messages."
            )
        return
    header = required_object(value, "interactive['header']")
    given = header.get("type")
    if given not in kind.headers:
        raise refusal(131009, f"The parameter interactive['header'] is not allowed for {name} messages.")
    if given == "text":
        sized(header.get("text"), "Header text", 60)
    else:
        path = f"interactive['header']['{given}']"
        check_source(required_object(header.get(given), path), path, scene)


def _check_footer(value: Any, name: str, kind: _Kind) -> None:
    if value is None:
        return
    if not kind.has_footer:
        raise refusal(131009, f"The parameter interactive['footer'] is not allowed for {name} messages.")
    sized(required_object(value, "interactive['footer']").get("text"), "Footer text", 60)
