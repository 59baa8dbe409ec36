"""Template messages: their shape, and how they fit the template they name."""

import re
from typing import Any

from rasl.simulator.errors import invalid, refusal
from rasl.simulator.store import Number
from rasl.simulator.validation.rules import Json, required_list, required_object, required_text

_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
_UNSENDABLE = re.compile(r"[\n\t]| {5,}")
_PARAMETER_TYPES = frozenset({
    "text", "currency", "date_time", "image", "video", "document", "gif", "location", "product", "payload",
    "coupon_code", "action", "limited_time_offer", "tap_target_configuration", "order_details",
})  # fmt: skip
_COMPONENT_TYPES = frozenset({
    "header", "body", "button", "carousel", "limited_time_offer", "order_status", "tap_target_configuration",
})  # fmt: skip
_MEDIA = frozenset({"image", "video", "document", "gif"})
_NEEDS_PARAMETER = {"URL": "Url", "OTP": "Url", "COPY_CODE": "CopyCode"}


def check_template(content: Any, number: Number) -> None:
    """Name, language and components; against the account's templates as soon as it has any."""
    template = required_object(content, "template")
    name = required_text(template.get("name"), "template['name']")
    language = required_object(template.get("language"), "template['language']")
    code = required_text(language.get("code"), "template['language']['code']")
    components = template.get("components")
    given = [] if components is None else _components(components)
    if not number.waba.templates:
        return
    known = number.waba.template(name, code)
    if known is None:
        raise refusal(132001, f"template name ({name}) does not exist in {code}")
    _check_status(known["status"], name, code)
    _check_fit(known, given)


def category_of(content: Json, number: Number) -> str:
    """The pricing category of a template message."""
    known = number.waba.template(str(content.get("name")), str((content.get("language") or {}).get("code")))
    return str(known["category"]).lower() if known else "utility"


def _components(value: Any) -> list[Json]:
    if not isinstance(value, list):
        raise invalid("Param template['components'] must be an array.")
    for index, component in enumerate(value):
        path = f"template['components'][{index}]"
        given = required_object(component, path)
        kind = str(given.get("type", "")).lower()
        if kind not in _COMPONENT_TYPES:
            names = ", ".join(sorted(name.upper() for name in _COMPONENT_TYPES))
            raise invalid(f"Param {path}['type'] must be one of {{{names}}} - got \"{given.get('type')}\".")
        for parameter in given.get("parameters") or []:
            _check_parameter(required_object(parameter, f"{path}['parameters']"), path)
        if kind == "carousel":
            for card in required_list(given.get("cards"), f"{path}['cards']"):
                _components(required_object(card, f"{path}['cards']").get("components") or [])
    return value


def _check_parameter(parameter: Json, path: str) -> None:
    kind = str(parameter.get("type", "")).lower()
    if kind not in _PARAMETER_TYPES:
        raise invalid(f"Param {path}['parameters']['type'] is not valid - got \"{parameter.get('type')}\".")
    if kind == "text":
        text = parameter.get("text")
        if not isinstance(text, str) or not text:
            raise invalid(
                "Invalid parameter", "Parameter 'text' is mandatory for component parameter type 'text'"
            )
        if _UNSENDABLE.search(text):
            raise refusal(
                132018, "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
            )
    if kind in _MEDIA:
        media = parameter.get(kind)
        if not isinstance(media, dict) or not (media.get("id") or media.get("link")):
            raise refusal(132018, "Either one of media ID or link must be present")


def _check_status(status: str, name: str, code: str) -> None:
    if status == "PAUSED":
        raise refusal(132015)
    if status == "DISABLED":
        raise refusal(132016)
    if status != "APPROVED":
        raise refusal(132001, f"template name ({name}) does not exist in {code}")


def _check_fit(known: Json, given: list[Json]) -> None:
    for component in known.get("components") or []:
        kind = str(component.get("type", "")).upper()
        if kind == "HEADER":
            _check_header(component, _parameters(given, "header"))
        elif kind == "BODY":
            _check_count("body", component.get("text", ""), _parameters(given, "body"))
        elif kind == "BUTTONS":
            _check_buttons(component.get("buttons") or [], given)


def _parameters(given: list[Json], kind: str) -> list[Json]:
    return [
        parameter
        for component in given
        if str(component["type"]).lower() == kind
        for parameter in component.get("parameters") or []
    ]


def _check_header(component: Json, parameters: list[Json]) -> None:
    wanted = str(component.get("format", "TEXT")).upper()
    if wanted == "TEXT":
        _check_count("header", component.get("text", ""), parameters)
        return
    received = str(parameters[0]["type"]).upper() if parameters else "UNKNOWN"
    if received != wanted:
        raise refusal(132012, f"header: Format mismatch, expected {wanted}, received {received}")


def _check_count(place: str, text: str, parameters: list[Json]) -> None:
    expected = len(set(_VARIABLE.findall(text)))
    if len(parameters) != expected:
        raise refusal(
            132000,
            f"{place}: number of localizable_params ({len(parameters)}) does not match the expected number of"
            f" params ({expected})",
        )
    names = set(_VARIABLE.findall(text))
    if any(not name.isdigit() for name in names):
        missing = names - {parameter.get("parameter_name") for parameter in parameters}
        if missing:
            raise invalid(
                "Invalid parameter", f"Parameter name is missing or empty: {', '.join(sorted(missing))}"
            )


def _check_buttons(buttons: list[Json], given: list[Json]) -> None:
    filled = {
        str(component.get("index"))
        for component in given
        if str(component["type"]).lower() == "button" and component.get("parameters")
    }
    for index, button in enumerate(buttons):
        kind = str(button.get("type", "")).upper()
        if kind == "URL" and not _VARIABLE.search(button.get("url", "")):
            continue
        if kind in _NEEDS_PARAMETER and str(index) not in filled:
            shown = _NEEDS_PARAMETER[kind]
            raise refusal(131008, f"buttons: Button at index {index} of type {shown} requires a parameter")
