"""Interactive messages: buttons, lists, links, flows, products and the rest."""

from collections.abc import Callable
from typing import Any, NamedTuple

from rasl.simulator.errors import invalid, refusal
from rasl.simulator.store import Number
from rasl.simulator.validation.media import check_source
from rasl.simulator.validation.rules import (
    Json,
    counted,
    distinct,
    required_list,
    required_object,
    required_text,
    sized,
)

_ACTION = "interactive['action']"
_PARAMETERS = f"{_ACTION}['parameters']"
_MEDIA_HEADERS = frozenset({"text", "image", "video", "document"})


def _no_check(_action: Json) -> None:
    """Nothing inside this action is known well enough to refuse."""


def _buttons(action: Json) -> None:
    buttons = required_list(action.get("buttons"), f"{_ACTION}['buttons']")
    counted(buttons, "buttons", 1, 3)
    replies = []
    for index, button in enumerate(buttons):
        path = f"{_ACTION}['buttons'][{index}]"
        given = required_object(button, path)
        if given.get("type", "reply") != "reply":
            raise invalid(f"Param {path}['type'] must be one of {{REPLY}} - got \"{given['type']}\".")
        reply = required_object(given.get("reply"), f"{path}['reply']")
        sized(reply.get("title"), "Button title", 20)
        sized(reply.get("id"), "Button id", 256)
        replies.append(reply)
    distinct([reply["title"] for reply in replies], "button title")
    distinct([reply["id"] for reply in replies], "button id")


def _list(action: Json) -> None:
    sized(action.get("button"), "Button label", 20)
    sections = required_list(action.get("sections"), f"{_ACTION}['sections']")
    counted(sections, "sections", 1, 10)
    rows: list[Json] = []
    for index, section in enumerate(sections):
        path = f"{_ACTION}['sections'][{index}]"
        given = required_object(section, path)
        if len(sections) > 1 or given.get("title"):
            sized(given.get("title"), "Section title", 24)
        rows += required_list(given.get("rows"), f"{path}['rows']")
    if len(rows) > 10:
        raise refusal(131009, f"Total row count exceed max allowed count: 10, row count: {len(rows)}")
    for row in rows:
        required_object(row, f"{_ACTION}['sections']['rows']")
        sized(row.get("id"), "Row id", 200)
        sized(row.get("title"), "Row title", 24)
        if row.get("description"):
            sized(row["description"], "Row description", 72)
    distinct([row["id"] for row in rows], "row id")


def _cta_url(action: Json) -> None:
    parameters = required_object(action.get("parameters"), _PARAMETERS)
    sized(parameters.get("display_text"), "Button display text", 20)
    url = required_text(parameters.get("url"), f"{_PARAMETERS}['url']")
    if not url.startswith(("http://", "https://")):
        raise refusal(131009, f"Param {_PARAMETERS}['url'] is not a valid URI.")


def _flow(action: Json) -> None:
    parameters = required_object(action.get("parameters"), _PARAMETERS)
    required_text(str(parameters.get("flow_message_version") or ""), f"{_PARAMETERS}['flow_message_version']")
    sized(parameters.get("flow_cta"), "Flow CTA", 30)
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise refusal(131009, "Exactly one of flow_id and flow_name must be present.")


def _product(action: Json) -> None:
    required_text(action.get("catalog_id"), f"{_ACTION}['catalog_id']")
    required_text(action.get("product_retailer_id"), f"{_ACTION}['product_retailer_id']")


def _product_list(action: Json) -> None:
    required_text(action.get("catalog_id"), f"{_ACTION}['catalog_id']")
    sections = required_list(action.get("sections"), f"{_ACTION}['sections']")
    counted(sections, "sections", 1, 10)
    products: list[Any] = []
    for index, section in enumerate(sections):
        path = f"{_ACTION}['sections'][{index}]"
        products += required_list(
            required_object(section, path).get("product_items"), f"{path}['product_items']"
        )
    counted(products, "products", 1, 30)


def _carousel(action: Json) -> None:
    cards = required_list(action.get("cards"), f"{_ACTION}['cards']")
    counted(cards, "cards", 2, 10)
    for index, card in enumerate(cards):
        required_object(required_object(card, f"{_ACTION}['cards'][{index}]").get("action"), "action")


class _Kind(NamedTuple):
    check: Callable[[Json], None]
    body: int | None = 1024
    is_body_required: bool = True
    headers: frozenset[str] = frozenset()
    name: str | None = None


_KINDS: dict[str, _Kind] = {
    "button": _Kind(_buttons, headers=_MEDIA_HEADERS),
    "list": _Kind(_list, body=4096, headers=frozenset({"text"})),
    "cta_url": _Kind(_cta_url, headers=_MEDIA_HEADERS, name="cta_url"),
    "location_request_message": _Kind(_no_check, name="send_location"),
    "address_message": _Kind(_no_check, headers=_MEDIA_HEADERS, name="address_message"),
    "flow": _Kind(_flow, headers=_MEDIA_HEADERS, name="flow"),
    "product": _Kind(_product, is_body_required=False),
    "product_list": _Kind(_product_list, headers=frozenset({"text"})),
    "catalog_message": _Kind(_no_check, name="catalog_message"),
    "carousel": _Kind(_carousel),
    "call_permission_request": _Kind(_no_check, name="call_permission_request"),
    "voice_call": _Kind(_no_check, name="voice_call"),
    "request_contact_info": _Kind(_no_check, name="request_contact_info"),
    "order_details": _Kind(_no_check, headers=_MEDIA_HEADERS),
    "order_status": _Kind(_no_check),
}


def check_interactive(content: Any, _number: Number) -> None:
    """The parts every kind shares, then the action its kind demands."""
    interactive = required_object(content, "interactive")
    name = required_text(interactive.get("type"), "interactive['type']")
    kind = _KINDS.get(name)
    if kind is None:
        names = ", ".join(sorted(known.upper() for known in _KINDS))
        raise invalid(f"Param interactive['type'] must be one of {{{names}}} - got \"{name}\".")
    _check_header(interactive.get("header"), name, kind)
    body = interactive.get("body")
    if body is not None or kind.is_body_required:
        text = required_object(body, "interactive['body']").get("text")
        sized(text, "Body text", kind.body or 1024)
    if interactive.get("footer") is not None:
        sized(required_object(interactive["footer"], "interactive['footer']").get("text"), "Footer text", 60)
    action = required_object(interactive.get("action"), _ACTION)
    if kind.name is not None and action.get("name", kind.name) != kind.name:
        raise refusal(131009, f"Param {_ACTION}['name'] must be {kind.name}.")
    kind.check(action)


def _check_header(value: Any, name: str, kind: _Kind) -> None:
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
        check_source(required_object(header.get(given), path), path)
