"""Location, contacts, reaction and pin messages."""

from typing import Any

from metasim.errors import invalid, refusal
from metasim.validation.rules import (
    counted,
    optional_text,
    required_list,
    required_object,
    required_text,
)
from metasim.validation.scene import Scene

_MOST_CONTACTS = 257


def check_location(content: Any, _scene: Scene) -> None:
    """Coordinates as numbers or numeric strings, within the globe."""
    location = required_object(content, "location")
    for name, most in (("latitude", 90), ("longitude", 180)):
        path = f"location['{name}']"
        value = location.get(name)
        if value is None or value == "":
            raise invalid(f"The parameter {path} is required.")
        try:
            degrees = float(value)
        except (TypeError, ValueError):
            raise invalid(f"Param {path} must be a number.") from None
        if not -most <= degrees <= most:
            raise refusal(131009, f"Param {path} must be between -{most} and {most}.")
    for name in ("name", "address"):
        optional_text(location.get(name), f"location['{name}']")


def check_contacts(content: Any, _scene: Scene) -> None:
    """Up to 257 contacts, each with a formatted name."""
    contacts = required_list(content, "contacts")
    counted(contacts, "contacts", 1, _MOST_CONTACTS)
    for index, entry in enumerate(contacts):
        path = f"contacts[{index}]"
        name = required_object(required_object(entry, path).get("name"), f"{path}['name']")
        required_text(name.get("formatted_name"), f"{path}['name']['formatted_name']")
        for field in ("phones", "emails", "urls", "addresses"):
            if entry.get(field) is not None and not isinstance(entry[field], list):
                raise invalid(f"Param {path}['{field}'] must be an array.")


def check_reaction(content: Any, _scene: Scene) -> None:
    """The message reacted to, and an emoji or an empty string."""
    reaction = required_object(content, "reaction")
    required_text(reaction.get("message_id"), "reaction['message_id']")
    if reaction.get("emoji") is None:
        raise invalid("The parameter reaction['emoji'] is required.")
    optional_text(reaction["emoji"], "reaction['emoji']")


def check_pin(content: Any, _scene: Scene) -> None:
    """Pin or unpin, which message, and for how many days."""
    pin = required_object(content, "pin")
    if pin.get("type") not in {"pin", "unpin"}:
        raise invalid("Param pin['type'] must be one of {PIN, UNPIN}.")
    required_text(pin.get("message_id"), "pin['message_id']")
    days = pin.get("expiration_days", 1)
    if not isinstance(days, int) or not 1 <= days <= 30:
        raise refusal(131009, "Param pin['expiration_days'] must be between 1 and 30.")
