"""The components of a template message: are the parameter objects what their types promise."""

import re
from collections.abc import Callable
from typing import Any

from metasim.errors import GraphError, invalid, refusal
from metasim.validation.media import check_media_id
from metasim.validation.rules import Json, required_list, required_object
from metasim.validation.scene import Scene

_UNSENDABLE = re.compile(r"[\n\t]| {5,}")
_COMPONENT_TYPES = frozenset({
    "header", "body", "button", "carousel", "limited_time_offer", "order_status", "tap_target_configuration",
})  # fmt: skip
_SUB_TYPES = frozenset({
    "quick_reply", "url", "copy_code", "flow", "catalog", "mpm", "voice_call", "order_details", "otp",
    "phone_number", "request_contact_info", "spm",
})  # fmt: skip
_COUPON, _PAYLOAD = 20, 256


def checked_components(value: Any, scene: Scene, place: str = "template['components']") -> list[Json]:
    """Components whose parameters are well-formed."""
    if not isinstance(value, list):
        raise invalid(f"Param {place} must be an array.")
    for index, component in enumerate(value):
        _check_component(required_object(component, f"{place}[{index}]"), f"{place}[{index}]", scene)
    return value


def _check_component(given: Json, path: str, scene: Scene) -> None:
    kind = str(given.get("type", "")).lower()
    if kind not in _COMPONENT_TYPES:
        names = ", ".join(sorted(name.upper() for name in _COMPONENT_TYPES))
        raise invalid(f"Param {path}['type'] must be one of {{{names}}} - got \"{given.get('type')}\".")
    if kind == "button":
        _check_button(given, path)
    parameters = given.get("parameters")
    if parameters is not None and not isinstance(parameters, list):
        raise invalid(f"Param {path}['parameters'] must be an array.")
    for index, parameter in enumerate(parameters or []):
        place = f"{path}['parameters'][{index}]"
        _check_parameter(required_object(parameter, place), place, scene)
    if kind == "carousel":
        for index, item in enumerate(required_list(given.get("cards"), f"{path}['cards']")):
            place = f"{path}['cards'][{index}]"
            card = required_object(item, place)
            if not isinstance(card.get("card_index"), int):
                raise invalid(f"The parameter {place}['card_index'] is required.")
            checked_components(card.get("components") or [], scene, f"{place}['components']")


def _check_button(given: Json, path: str) -> None:
    sub_type = given.get("sub_type")
    if not sub_type:
        raise invalid(f"The parameter {path}['sub_type'] is required.")
    if str(sub_type).lower() not in _SUB_TYPES:
        raise refusal(132018, f"buttons: the sub_type {sub_type} is not valid")
    if not str(given.get("index", "")).isdigit() or not 0 <= int(given["index"]) <= 9:
        raise invalid(f"Param {path}['index'] must be between 0 and 9.")


def _check_parameter(parameter: Json, path: str, scene: Scene) -> None:
    kind = str(parameter.get("type", "")).lower()
    check = _PARAMETERS.get(kind)
    if check is None:
        names = ", ".join(sorted(name.upper() for name in _PARAMETERS))
        raise invalid(f"Param {path}['type'] must be one of {{{names}}} - got \"{parameter.get('type')}\".")
    check(parameter, path, scene)


def _mandatory(name: str) -> GraphError:
    return invalid(
        "Invalid parameter", f"Parameter '{name}' is mandatory for component parameter type '{name}'"
    )


def _text(parameter: Json, _path: str, _scene: Scene) -> None:
    text = parameter.get("text")
    if not isinstance(text, str) or not text:
        raise _mandatory("text")
    if _UNSENDABLE.search(text):
        raise refusal(
            132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        )


def _object(name: str, *keys: str) -> Callable[[Json, str, Scene], None]:
    def check(parameter: Json, path: str, _scene: Scene) -> None:
        value = parameter.get(name)
        if not isinstance(value, dict):
            raise _mandatory(name)
        for key in keys:
            if value.get(key) in {None, ""}:
                raise invalid(f"The parameter {path}['{name}']['{key}'] is required.")

    return check


def _media(name: str) -> Callable[[Json, str, Scene], None]:
    def check(parameter: Json, path: str, scene: Scene) -> None:
        media = parameter.get(name)
        if not isinstance(media, dict) or not (media.get("id") or media.get("link")):
            raise refusal(132018, "Either one of media ID or link must be present")
        if media.get("id") and media.get("link"):
            raise refusal(132018, "Only one of media ID or link can be present")
        if media.get("id"):
            check_media_id(media["id"], f"{path}['{name}']", scene)
        elif not str(media["link"]).startswith(("http://", "https://")):
            raise invalid(f"Param {path}['{name}']['link'] is not a valid URI.")

    return check


def _sized(name: str, most: int) -> Callable[[Json, str, Scene], None]:
    def check(parameter: Json, _path: str, _scene: Scene) -> None:
        value = parameter.get(name)
        if not isinstance(value, str) or not value:
            raise _mandatory(name)
        if len(value) > most:
            raise refusal(131009, f"Parameter '{name}' length invalid. Min length: 1, Max length: {most}")

    return check


def _targets(parameter: Json, path: str, _scene: Scene) -> None:
    required_list(parameter.get("tap_target_configuration"), f"{path}['tap_target_configuration']")


_PARAMETERS: dict[str, Callable[[Json, str, Scene], None]] = {
    "text": _text,
    "currency": _object("currency", "fallback_value", "code", "amount_1000"),
    "date_time": _object("date_time", "fallback_value"),
    **{name: _media(name) for name in ("image", "video", "document", "gif")},
    "location": _object("location", "latitude", "longitude"),
    "product": _object("product", "product_retailer_id", "catalog_id"),
    "payload": _sized("payload", _PAYLOAD),
    "coupon_code": _sized("coupon_code", _COUPON),
    "action": _object("action"),
    "limited_time_offer": _object("limited_time_offer"),
    "tap_target_configuration": _targets,
    "order_details": _object("order_details"),
    "order_status": _object("order_status"),
    "ttl_minutes": lambda *_: None,
}
