"""Whether what is given fits the template: header format, then counts, then buttons."""

from typing import Any

from metasim.errors import invalid, refusal
from metasim.templates.authentication import CODE_LIMIT
from metasim.templates.book import Json, Template
from metasim.templates.variables import variables_of

_NEEDS_PARAMETER = {
    "URL": "Url", "OTP": "Url", "COPY_CODE": "CopyCode", "FLOW": "Flow", "MPM": "Mpm", "CATALOG": "Catalog",
}  # fmt: skip
_OPTIONAL = frozenset({"FLOW", "CATALOG"})
_SUB_TYPES = {"OTP": {"url", "otp"}, "URL": {"url"}}


def check_fit(template: Template, given: list[Json]) -> None:
    """Refuse parameters that do not fit the template."""
    _check_parts(template.components, given, "")
    if template.category == "AUTHENTICATION":
        _check_code(template, given)


def _check_parts(components: list[Json], given: list[Json], place: str) -> None:
    parts = {part.get("type"): part for part in components}
    _check_header_format(parts.get("HEADER"), _parameters(given, "header"), place)
    header = parts.get("HEADER") or {}
    if header.get("format", "TEXT") == "TEXT":
        _check_count(f"{place}header", header.get("text", ""), _parameters(given, "header"))
    body = parts.get("BODY")
    _check_count(f"{place}body", (body or {}).get("text", ""), _parameters(given, "body"))
    if "LIMITED_TIME_OFFER" in parts:
        _check_offer(parts["LIMITED_TIME_OFFER"], given)
    _check_buttons((parts.get("BUTTONS") or {}).get("buttons") or [], given, place)
    if "CAROUSEL" in parts:
        _check_cards(parts["CAROUSEL"].get("cards") or [], given)


def _parameters(given: list[Json], kind: str) -> list[Json]:
    return [
        parameter
        for component in given
        if str(component["type"]).lower() == kind
        for parameter in component.get("parameters") or []
    ]


def _check_header_format(header: Json | None, parameters: list[Json], place: str) -> None:
    wanted = str((header or {}).get("format", "TEXT"))
    received = str(parameters[0]["type"]).upper() if parameters else "UNKNOWN"
    if wanted == "TEXT" and (not parameters or received in {"TEXT", "CURRENCY", "DATE_TIME"}):
        return
    if received != wanted:
        raise refusal(132012, f"{place}header: Format mismatch, expected {wanted}, received {received}")


def _check_count(place: str, text: str, parameters: list[Json]) -> None:
    names = variables_of(text)
    if len(parameters) != len(names):
        raise refusal(
            132000,
            f"{place}: number of localizable_params ({len(parameters)}) does not match the expected number of"
            f" params ({len(names)})",
        )
    if any(not name.isdigit() for name in names):
        missing = set(names) - {parameter.get("parameter_name") for parameter in parameters}
        if missing:
            raise invalid(
                "Invalid parameter", f"Parameter name is missing or empty: {', '.join(sorted(missing))}"
            )


def _check_offer(component: Json, given: list[Json]) -> None:
    if not (component.get("limited_time_offer") or {}).get("has_expiration"):
        return
    values = [
        parameter["limited_time_offer"].get("expiration_time_ms")
        for parameter in _parameters(given, "limited_time_offer")
    ]
    if not values or not isinstance(values[0], int):
        raise refusal(131008, "limited_time_offer: expiration_time_ms is required")


def _check_buttons(buttons: list[Json], given: list[Json], place: str) -> None:
    filled: dict[int, Json] = {}
    for component in given:
        if str(component["type"]).lower() == "button":
            filled[int(component["index"])] = component
    for index in filled:
        if index >= len(buttons):
            raise refusal(132018, f"{place}buttons: Button at index {index} does not exist in the template")
    for index, button in enumerate(buttons):
        _check_button(index, button, filled.get(index), place)


def _check_button(index: int, button: Json, given: Json | None, place: str) -> None:
    kind = str(button.get("type", "")).upper()
    if given is not None:
        sub_type = str(given["sub_type"]).lower()
        if sub_type not in _SUB_TYPES.get(kind, {kind.lower()}):
            raise refusal(
                132018, f"{place}buttons: Button at index {index} is of type {kind}, not {sub_type.upper()}"
            )
    if kind == "URL" and not variables_of(button.get("url", "")):
        if given is not None and given.get("parameters"):
            raise refusal(132018, f"{place}buttons: Button at index {index} of type Url takes no parameter")
        return
    if kind in _NEEDS_PARAMETER and kind not in _OPTIONAL and not (given and given.get("parameters")):
        shown = _NEEDS_PARAMETER[kind]
        raise refusal(131008, f"{place}buttons: Button at index {index} of type {shown} requires a parameter")


def _check_cards(cards: list[Json], given: list[Json]) -> None:
    found = next((part for part in given if str(part["type"]).lower() == "carousel"), None)
    if found is None:
        raise refusal(131008, "carousel: the parameter cards is required")
    sent = sorted(found["cards"], key=lambda card: int(card["card_index"]))
    if len(sent) != len(cards):
        raise refusal(
            132000,
            f"carousel: number of cards ({len(sent)}) does not match the expected number of cards"
            f" ({len(cards)})",
        )
    for index, (card, wanted) in enumerate(zip(sent, cards, strict=True)):
        if card["card_index"] != index:
            raise refusal(131009, f"carousel: card_index {card['card_index']} is not valid")
        _check_parts(wanted.get("components") or [], card.get("components") or [], f"card {index}: ")


def _check_code(template: Template, given: list[Json]) -> None:
    codes: list[Any] = [parameter.get("text") for parameter in _parameters(given, "body")]
    codes += [parameter.get("text") for parameter in _parameters(given, "button")]
    for code in codes:
        if isinstance(code, str) and len(code) > CODE_LIMIT:
            raise refusal(
                132005 if len(code) > 1024 else 131009,
                f"The code of {template.name} must be at most {CODE_LIMIT} characters long.",
            )
