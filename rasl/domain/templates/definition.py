"""A template's components as a typed definition; what is new or odd at Meta is kept as unknown, never an error."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

MEDIA_FORMATS = frozenset({"IMAGE", "VIDEO", "DOCUMENT", "GIF"})
SENDABLE = "APPROVED"
AUTHENTICATION = "AUTHENTICATION"
_VARIABLE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")
# Meta reads an OTP button back as a URL button of this address (cloud-api section 4.5).
_OTP_URL = re.compile(r"otp\{\{\s*1\s*\}\}")


class Text(msgspec.Struct, frozen=True):
    """A text with the names of its variables: numbers in their order, names as they appear."""

    text: str
    variables: tuple[str, ...] = ()


class Header(msgspec.Struct, frozen=True):
    """A header: TEXT, IMAGE, VIDEO, DOCUMENT, GIF, LOCATION, PRODUCT, or a format we do not know."""

    format: str
    text: Text = Text("")
    example_url: str | None = None

    @property
    def is_media(self) -> bool:
        """Whether a file has to be given with each message."""
        return self.format in MEDIA_FORMATS


class Button(msgspec.Struct, frozen=True):
    """A button at its place among all buttons."""

    index: int
    type: str
    text: str
    url: str | None = None
    is_dynamic: bool = False  # a URL with a variable
    is_otp: bool = False


class Offer(msgspec.Struct, frozen=True):
    """The line of a limited-time offer."""

    text: str
    has_expiration: bool


class Card(msgspec.Struct, frozen=True):
    """One card of a carousel."""

    header: Header | None
    body: Text | None
    buttons: tuple[Button, ...]


class Definition(msgspec.Struct, frozen=True):
    """What a template consists of."""

    category: str
    is_named: bool
    header: Header | None
    body: Text
    footer: str | None
    buttons: tuple[Button, ...]
    cards: tuple[Card, ...]
    offer: Offer | None
    adds_security_recommendation: bool = False
    code_expiration_minutes: int | None = None

    @property
    def is_authentication(self) -> bool:
        """Whether it carries a one-time code."""
        return self.category == AUTHENTICATION


def read(components: object, category: str = "", parameter_format: str = "") -> Definition:
    """Read the components of a template as Meta lists them, in any case of letters."""
    parts = _by_type(components)
    category = upper(category)
    body, footer = parts.get("BODY", {}), parts.get("FOOTER", {})
    offer = part(parts.get("LIMITED_TIME_OFFER", {}).get("limited_time_offer"))
    text = _str(body.get("text"))
    if text is None and category == AUTHENTICATION:
        # Meta's own wording, which lists fetched without it do not tell.
        text = "*{{1}}* is your verification code."
    return Definition(
        category=category,
        is_named=upper(parameter_format) == "NAMED",
        header=_header(parts.get("HEADER")),
        body=read_text(text or ""),
        footer=_str(footer.get("text")),
        buttons=_buttons(parts.get("BUTTONS", {})),
        cards=tuple(map(_card, _items(parts.get("CAROUSEL", {}).get("cards")))),
        offer=Offer(_str(offer.get("text")) or "", offer.get("has_expiration") is True)
        if "LIMITED_TIME_OFFER" in parts
        else None,
        adds_security_recommendation=body.get("add_security_recommendation") is True,
        code_expiration_minutes=_int(footer.get("code_expiration_minutes")),
    )


def read_text(text: str) -> Text:
    """Find the variables of a text; positional ones in the order of their numbers."""
    names = list(dict.fromkeys(_VARIABLE.findall(text)))
    if names and all(name.isdecimal() for name in names):
        names.sort(key=int)
    return Text(text, tuple(names))


def fill(text: str, values: dict[str, str]) -> str:
    """Put values in place of variables, in one pass; a variable without a value stays."""
    return _VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def upper(value: object) -> str:
    """Return one of Meta's words as we keep it: `authentication-international` and `AUTHENTICATION` are spelled so."""
    return value.strip().upper().replace("-", "_") if isinstance(value, str) else ""


def part(value: object) -> dict[str, Any]:
    """Return an object, an empty one instead of anything else."""
    return value if isinstance(value, dict) else {}


def _by_type(components: object) -> dict[str, dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {}
    for component in _items(components):
        parts.setdefault(upper(component.get("type")), component)
    return parts


def _header(component: dict[str, Any] | None) -> Header | None:
    if component is None:
        return None
    format_ = upper(component.get("format")) or "TEXT"
    handles = part(component.get("example")).get("header_handle")
    url = handles[0] if isinstance(handles, list) and handles and isinstance(handles[0], str) else None
    return Header(
        format=format_,
        text=read_text(_str(component.get("text")) or "") if format_ == "TEXT" else Text(""),
        example_url=url if url and url.startswith("https://") else None,
    )


def _buttons(component: dict[str, Any]) -> tuple[Button, ...]:
    return tuple(_button(index, item) for index, item in enumerate(_items(component.get("buttons"))))


def _button(index: int, item: dict[str, Any]) -> Button:
    kind, url = upper(item.get("type")), _str(item.get("url"))
    return Button(
        index=index,
        type=kind,
        text=_str(item.get("text")) or "",
        url=url,
        is_dynamic=kind == "URL" and url is not None and _VARIABLE.search(url) is not None,
        is_otp=kind == "OTP" or (kind == "URL" and url is not None and _OTP_URL.search(url) is not None),
    )


def _card(card: dict[str, Any]) -> Card:
    parts = _by_type(card.get("components"))
    body = _str(parts.get("BODY", {}).get("text"))
    return Card(
        header=_header(parts.get("HEADER")),
        body=read_text(body) if body is not None else None,
        buttons=_buttons(parts.get("BUTTONS", {})),
    )


def _items(value: object) -> Iterable[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _str(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
