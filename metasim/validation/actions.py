"""What each kind of interactive message has to say in its action."""

from typing import Any

from metasim.errors import invalid, refusal
from metasim.validation.rules import (
    Json,
    counted,
    distinct,
    required_list,
    required_object,
    required_text,
    sized,
)
from metasim.validation.scene import Scene

ACTION = "interactive['action']"
_PARAMETERS = f"{ACTION}['parameters']"
_EMOJI_FROM = 0x2600
_ADDRESS_FIELDS = frozenset({
    "name", "phone_number", "in_pin_code", "house_number", "floor_number", "tower_number", "building_name",
    "address", "landmark_area", "city", "state", "sg_post_code", "unit_number",
})  # fmt: skip


def nothing(_action: Json, _scene: Scene) -> None:
    """Nothing inside this action is known well enough to refuse."""


def buttons(action: Json, _scene: Scene) -> None:
    """One to three reply buttons, ids and titles unique."""
    given = required_list(action.get("buttons"), f"{ACTION}['buttons']")
    counted(given, "buttons", 1, 3)
    replies = []
    for index, item in enumerate(given):
        path = f"{ACTION}['buttons'][{index}]"
        button = required_object(item, path)
        if button.get("type", "reply") != "reply":
            raise invalid(f"Param {path}['type'] must be one of {{REPLY}} - got \"{button['type']}\".")
        reply = required_object(button.get("reply"), f"{path}['reply']")
        sized(reply.get("title"), "Button title", 20)
        sized(reply.get("id"), "Button id", 256)
        replies.append(reply)
    distinct([reply["title"] for reply in replies], "button title")
    distinct([reply["id"] for reply in replies], "button id")


def rows(action: Json, _scene: Scene) -> None:
    """Up to ten sections with ten rows in all."""
    sized(action.get("button"), "Button label", 20)
    sections = required_list(action.get("sections"), f"{ACTION}['sections']")
    counted(sections, "sections", 1, 10)
    listed: list[Json] = []
    for index, section in enumerate(sections):
        path = f"{ACTION}['sections'][{index}]"
        given = required_object(section, path)
        if len(sections) > 1 or given.get("title"):
            sized(given.get("title"), "Section title", 24)
        listed += required_list(given.get("rows"), f"{path}['rows']")
    if len(listed) > 10:
        raise refusal(131009, f"Total row count exceed max allowed count: 10, row count: {len(listed)}")
    for row in listed:
        required_object(row, f"{ACTION}['sections']['rows']")
        sized(row.get("id"), "Row id", 200)
        sized(row.get("title"), "Row title", 24)
        if row.get("description"):
            sized(row["description"], "Row description", 72)
    distinct([row["id"] for row in listed], "row id")


def cta_url(action: Json, _scene: Scene) -> None:
    """A label and a link."""
    check_link(required_object(action.get("parameters"), _PARAMETERS), _PARAMETERS)


def check_link(parameters: Json, path: str) -> None:
    """The label and the link of a URL button."""
    sized(parameters.get("display_text"), "Button display text", 20)
    url = required_text(parameters.get("url"), f"{path}['url']")
    if not url.startswith(("http://", "https://")):
        raise refusal(131009, f"Param {path}['url'] is not a valid URI.")


def flow(action: Json, _scene: Scene) -> None:
    """Which flow, how its button reads, and where it begins."""
    parameters = required_object(action.get("parameters"), _PARAMETERS)
    version = parameters.get("flow_message_version")
    required_text(str(version or ""), f"{_PARAMETERS}['flow_message_version']")
    if str(version) != "3":
        raise refusal(131009, "flow_message_version must be 3.")
    label = sized(parameters.get("flow_cta"), "Flow CTA", 30)
    if any(ord(character) >= _EMOJI_FROM for character in label if not character.isalnum()):
        raise refusal(131009, "Flow CTA must not have emojis.")
    if bool(parameters.get("flow_id")) == bool(parameters.get("flow_name")):
        raise refusal(131009, "Exactly one of flow_id and flow_name must be present.")
    _one_of(parameters, "mode", ("draft", "published"))
    _one_of(parameters, "flow_action", ("navigate", "data_exchange"))
    payload = parameters.get("flow_action_payload")
    if payload is not None:
        screen = required_object(payload, f"{_PARAMETERS}['flow_action_payload']")
        required_text(screen.get("screen"), f"{_PARAMETERS}['flow_action_payload']['screen']")


def _one_of(parameters: Json, key: str, known: tuple[str, ...]) -> None:
    given = parameters.get(key)
    if given is not None and str(given).lower() not in known:
        names = ", ".join(name.upper() for name in known)
        raise invalid(f"Param {_PARAMETERS}['{key}'] must be one of {{{names}}} - got \"{given}\".")


def product(action: Json, _scene: Scene) -> None:
    """One product of a catalogue."""
    required_text(action.get("catalog_id"), f"{ACTION}['catalog_id']")
    required_text(action.get("product_retailer_id"), f"{ACTION}['product_retailer_id']")


def product_list(action: Json, _scene: Scene) -> None:
    """Up to ten sections with thirty products in all."""
    required_text(action.get("catalog_id"), f"{ACTION}['catalog_id']")
    sections = required_list(action.get("sections"), f"{ACTION}['sections']")
    counted(sections, "sections", 1, 10)
    products: list[Any] = []
    for index, section in enumerate(sections):
        path = f"{ACTION}['sections'][{index}]"
        given = required_object(section, path)
        if len(sections) > 1 or given.get("title"):
            sized(given.get("title"), "Section title", 24)
        products += required_list(given.get("product_items"), f"{path}['product_items']")
    counted(products, "products", 1, 30)
    for item in products:
        path = f"{ACTION}['sections']['product_items']"
        required_text(
            required_object(item, path).get("product_retailer_id"), f"{path}['product_retailer_id']"
        )


def catalog(action: Json, _scene: Scene) -> None:
    """The whole catalogue, with the picture of one product."""
    parameters = action.get("parameters")
    if parameters is not None:
        given = required_object(parameters, _PARAMETERS)
        if given:
            path = f"{_PARAMETERS}['thumbnail_product_retailer_id']"
            required_text(given.get("thumbnail_product_retailer_id"), path)


def address(action: Json, _scene: Scene) -> None:
    """A form for an address, in India or Singapore."""
    parameters = required_object(action.get("parameters"), _PARAMETERS)
    country = required_text(parameters.get("country"), f"{_PARAMETERS}['country']")
    if country not in {"IN", "SG"}:
        raise invalid(f"Param {_PARAMETERS}['country'] must be one of {{IN, SG}} - got \"{country}\".")
    _check_address(parameters.get("values"), f"{_PARAMETERS}['values']")
    _check_address(parameters.get("validation_errors"), f"{_PARAMETERS}['validation_errors']")
    for index, saved in enumerate(parameters.get("saved_addresses") or []):
        path = f"{_PARAMETERS}['saved_addresses'][{index}]"
        given = required_object(saved, path)
        required_text(given.get("id"), f"{path}['id']")
        _check_address(required_object(given.get("value"), f"{path}['value']"), f"{path}['value']")


def _check_address(value: Any, path: str) -> None:
    if value is None:
        return
    for field, text in required_object(value, path).items():
        if field not in _ADDRESS_FIELDS:
            raise invalid(f'Unexpected key "{field}" on param "{path}".')
        if field == "in_pin_code" and len(str(text)) > 6 and "validation_errors" not in path:
            raise refusal(131009, "in_pin_code length invalid. Min length: 1, Max length: 6")


def call_button(action: Json, _scene: Scene) -> None:
    """A label, how long the button works, and a payload; all of them optional."""
    parameters = action.get("parameters")
    if parameters is None:
        return
    given = required_object(parameters, _PARAMETERS)
    if given.get("display_text") is not None:
        sized(given["display_text"], "Button display text", 20)
    minutes = given.get("ttl_minutes")
    if minutes is not None and (not isinstance(minutes, int) or not 1 <= minutes <= 43_200):
        raise refusal(131009, "ttl_minutes must be between 1 and 43200.")
