"""Carousels of pictures and of products."""

from typing import Any

from metasim.errors import invalid, refusal
from metasim.validation.actions import ACTION, check_link
from metasim.validation.media import check_source
from metasim.validation.rules import (
    Json,
    counted,
    required_list,
    required_object,
    required_text,
    sized,
)
from metasim.validation.scene import Scene

_CARD_BODY = 160
_MOST_BREAKS = 2


def carousel(action: Json, scene: Scene) -> None:
    """Two to ten cards of one kind, numbered from zero, with the same buttons."""
    cards = required_list(action.get("cards"), f"{ACTION}['cards']")
    counted(cards, "cards", 2, 10)
    shapes = set()
    for index, item in enumerate(cards):
        path = f"{ACTION}['cards'][{index}]"
        card = required_object(item, path)
        if card.get("card_index") != index:
            raise refusal(131009, f"Param {path}['card_index'] must be {index}.")
        shapes.add(_shape(card, path, scene))
    if len(shapes) > 1:
        raise refusal(131009, "All cards must have the same type, header and buttons.")


def _shape(card: Json, path: str, scene: Scene) -> tuple[Any, ...]:
    action = required_object(card.get("action"), f"{path}['action']")
    if card.get("type") == "product":
        catalog_id = required_text(action.get("catalog_id"), f"{path}['action']['catalog_id']")
        required_text(action.get("product_retailer_id"), f"{path}['action']['product_retailer_id']")
        return ("product", catalog_id)
    if card.get("type") not in {"cta_url", None}:
        raise invalid(f"Param {path}['type'] must be one of {{CTA_URL, PRODUCT}} - got \"{card['type']}\".")
    header = required_object(card.get("header"), f"{path}['header']")
    kind = header.get("type")
    if kind not in {"image", "video"}:
        raise refusal(131009, f"Param {path}['header']['type'] must be one of {{IMAGE, VIDEO}}.")
    place = f"{path}['header']['{kind}']"
    check_source(required_object(header.get(kind), place), place, scene)
    _check_body(card.get("body"), path)
    return (kind, *_buttons(action, f"{path}['action']"))


def _check_body(value: Any, path: str) -> None:
    if value is None:
        return
    text = sized(required_object(value, f"{path}['body']").get("text"), "Card body text", _CARD_BODY)
    if text.count("\n") > _MOST_BREAKS:
        raise refusal(131009, f"Card body text can have at most {_MOST_BREAKS} line breaks.")


def _buttons(action: Json, path: str) -> tuple[str, ...]:
    if "buttons" not in action:
        if action.get("name") != "cta_url":
            raise refusal(131009, f"Param {path}['name'] must be cta_url.")
        check_link(
            required_object(action.get("parameters"), f"{path}['parameters']"), f"{path}['parameters']"
        )
        return ("cta_url",)
    buttons = required_list(action["buttons"], f"{path}['buttons']")
    counted(buttons, "buttons", 1, 3)
    for index, item in enumerate(buttons):
        place = f"{path}['buttons'][{index}]"
        button = required_object(item, place)
        if button.get("type") != "quick_reply":
            raise invalid(f"Param {place}['type'] must be one of {{QUICK_REPLY}}.")
        reply = required_object(button.get("quick_reply"), f"{place}['quick_reply']")
        sized(reply.get("title"), "Button title", 20)
        sized(reply.get("id"), "Button id", 20)
    return ("quick_reply",) * len(buttons)
