"""One line of text for an inbound message of any type, so that no conversation shows an empty bubble."""

from collections.abc import Callable, Mapping
from typing import Any

_NAMELESS = frozenset({"unsupported", "unknown"})


def text_of(kind: str, message: Mapping[str, Any]) -> str:
    """Return what the person wrote or chose, or a label in brackets where there are no words."""
    if kind not in _TYPES:
        # A newer type than we know, or one that Meta does not pass on.
        return _text(message, "text", "body") or _unsupported(kind, message)
    label, describe = _TYPES[kind]
    content = message.get(kind)
    described = describe(content, label) if describe and isinstance(content, Mapping | list) else ""
    return described or _text(message, "text", "body") or f"[{label}]"


def _unsupported(kind: str, message: Mapping[str, Any]) -> str:
    named = _text(message, "unsupported", "type") or ("" if kind in _NAMELESS else kind)
    return f"[Unsupported message: {named}]" if named else "[Unsupported message]"


def _text(value: Any, *path: str) -> str:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _body(content: Any, _label: str) -> str:
    return _text(content, "body")


def _caption(content: Any, label: str) -> str:
    caption = _text(content, "caption")
    filename = _text(content, "filename")
    return caption or (f"[{label}] {filename}" if filename else "")


def _location(content: Any, label: str) -> str:
    words = [_text(content, "name"), _text(content, "address")]
    place = ", ".join(word for word in words if word)
    if not place:
        latitude, longitude = _text(content, "latitude"), _text(content, "longitude")
        place = f"{latitude}, {longitude}" if latitude and longitude else ""
    return f"[{label}] {place}" if place else ""


def _contacts(content: Any, label: str) -> str:
    cards = content if isinstance(content, list) else [content]
    names = [_text(card, "name", "formatted_name") for card in cards]
    named = ", ".join(name for name in names if name)
    return f"[{label}] {named}" if named else ""


def _reaction(content: Any, _label: str) -> str:
    return _text(content, "emoji")


def _button(content: Any, _label: str) -> str:
    return _text(content, "text") or _text(content, "payload")


def _interactive(content: Any, _label: str) -> str:
    kind = _text(content, "type")
    if kind == "call_permission_reply":
        return f"[Call permission] {_text(content, kind, 'response')}".rstrip()
    return _text(content, kind, "title") or _text(content, kind, "body")


def _order(content: Any, label: str) -> str:
    items = content.get("product_items") if isinstance(content, Mapping) else None
    count = len(items) if isinstance(items, list) else 0
    counted = f"[{label}] {count} item{'' if count == 1 else 's'}" if count else ""
    return _text(content, "text") or counted


def _edit(content: Any, _label: str) -> str:
    inner = content.get("message") if isinstance(content, Mapping) else None
    if not isinstance(inner, Mapping):
        return ""
    kind = _text(inner, "type")
    return "" if kind in {"", "edit"} else text_of(kind, inner)


# Of each type its label, and what finds words in its content, if it can hold any.
_TYPES: dict[str, tuple[str, Callable[[Any, str], str] | None]] = {
    "text": ("Text", _body),
    "image": ("Image", _caption),
    "video": ("Video", _caption),
    "audio": ("Audio", None),
    "sticker": ("Sticker", None),
    "document": ("Document", _caption),
    "location": ("Location", _location),
    "contacts": ("Contact", _contacts),
    "reaction": ("Reaction removed", _reaction),
    "button": ("Button", _button),
    "interactive": ("Reply", _interactive),
    "order": ("Order", _order),
    "system": ("System message", _body),
    "edit": ("Message edited", _edit),
    "revoke": ("Message deleted", None),
    "request_welcome": ("Conversation opened", None),
}
