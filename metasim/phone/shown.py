"""A message as a phone shows it: texts filled in, files by their ids, and what each button would send."""

from typing import Any

import msgspec

from metasim.store import Number
from metasim.templates.variables import VARIABLE

Json = dict[str, Any]

MEDIA = ("image", "video", "audio", "document", "sticker")
_OTP_ADDRESS = "https://www.whatsapp.com/otp/"


class File(msgspec.Struct, omit_defaults=True):
    """A file of a message: one that Meta has, or somebody's address, which is never loaded here."""

    kind: str
    id: str | None = None
    link: str | None = None
    filename: str | None = None


class Button(msgspec.Struct, omit_defaults=True):
    """A button; `reply` is what the control API's `inbound` takes when it is tapped."""

    text: str
    kind: str = "other"
    description: str | None = None
    address: str | None = None
    code: str | None = None
    reply: Json | None = None


class Shown(msgspec.Struct, omit_defaults=True):
    """What is seen of a message."""

    header: str | None = None
    file: File | None = None
    text: str | None = None
    footer: str | None = None
    buttons: list[Button] = []
    cards: list["Shown"] = []


def show_sent(kind: str, content: Any, number: Number) -> Shown:
    """Return what a phone shows of what a business sent."""
    if kind == "template":
        return _template(content, number)
    return _interactive(content) if kind == "interactive" else show_plain(kind, content)


def show_plain(kind: str, content: Any) -> Shown:
    """Return what is shown of a message without parts, whoever sent it."""
    given = content if isinstance(content, dict) else {}
    if kind in {"text", "button"}:
        return Shown(text=str(given.get("body") or given.get("text") or ""))
    if kind in MEDIA:
        return Shown(file=_file(kind, given), text=given.get("caption"))
    if kind == "location":
        place = ", ".join(str(given[name]) for name in ("name", "address") if given.get(name))
        return Shown(text=f"📍 {place or 'Location'} ({given.get('latitude')}, {given.get('longitude')})")
    if kind == "contacts" and isinstance(content, list):
        names = (str((card.get("name") or {}).get("formatted_name", "")) for card in content)
        return Shown(text="👤 " + ", ".join(names))
    return _answered(given) if kind == "interactive" else Shown(text=f"({kind})")


def _answered(content: Json) -> Shown:
    """Return what a person chose."""
    reply = content.get(str(content.get("type"))) or {}
    return Shown(text=str(reply.get("title") or reply.get("body") or f"({content.get('type')})"))


def _file(kind: str, given: Json) -> File:
    return File(kind, given.get("id"), given.get("link"), given.get("filename"))


def _header(header: Any) -> tuple[str | None, File | None]:
    if not isinstance(header, dict):
        return None, None
    kind = str(header.get("type", "text"))
    if kind == "text":
        return header.get("text"), None
    return None, _file(kind, header.get(kind) or {})


def _text(part: Any) -> str | None:
    return part.get("text") if isinstance(part, dict) else None


def _interactive(content: Json) -> Shown:
    header, file = _header(content.get("header"))
    action = content.get("action") or {}
    return Shown(
        header,
        file,
        _text(content.get("body")),
        _text(content.get("footer")),
        _buttons(str(content.get("type")), action),
        [_card(card) for card in action.get("cards") or []],
    )


def _card(card: Json) -> Shown:
    header, file = _header(card.get("header"))
    action = card.get("action") or {}
    kind = "cta_url" if action.get("name") == "cta_url" else "button"
    return Shown(header, file, _text(card.get("body")), buttons=_buttons(kind, action))


def _buttons(kind: str, action: Json) -> list[Button]:
    parameters = action.get("parameters") or {}
    if kind == "cta_url":
        return [Button(str(parameters.get("display_text")), "url", address=str(parameters.get("url")))]
    if kind == "list":
        return [
            Button(str(row.get("title")), "reply", row.get("description"), reply=_reply("list_reply", row))
            for section in action.get("sections") or []
            for row in section.get("rows") or []
        ]
    if kind == "location_request_message":
        place = {"latitude": 51.4779, "longitude": -0.0015}
        return [Button("Send location", "reply", reply={"type": "location", "location": place})]
    if kind == "flow":
        done = {"name": "flow", "body": "Sent", "response_json": _flow_response(parameters)}
        return [Button(str(parameters.get("flow_cta")), "reply", reply=_replied("nfm_reply", done))]
    given = [button.get("reply") or button.get("quick_reply") for button in action.get("buttons") or []]
    return [
        Button(str(reply.get("title")), "reply", reply=_reply("button_reply", reply))
        for reply in given
        if isinstance(reply, dict)
    ]


def _flow_response(parameters: Json) -> str:
    return msgspec.json.encode({"flow_token": str(parameters.get("flow_token", "unused"))}).decode()


def _reply(kind: str, chosen: Json) -> Json:
    kept = {name: chosen[name] for name in ("id", "title", "description") if chosen.get(name)}
    return _replied(kind, kept)


def _replied(kind: str, content: Json) -> Json:
    return {"type": "interactive", "interactive": {"type": kind, kind: content}}


def _template(content: Json, number: Number) -> Shown:
    name, language = str(content.get("name")), str((content.get("language") or {}).get("code"))
    given = [part for part in content.get("components") or [] if isinstance(part, dict)]
    known = number.waba.templates.find(name, language)
    if known is None:
        values = ", ".join(_value(item) for item in _parameters(given, "body"))
        return Shown(text=f"Template {name} ({language})" + (f": {values}" if values else ""))
    return _parts(known.components, given)


def _parts(components: list[Json], given: list[Json]) -> Shown:
    parts = {part.get("type"): part for part in components}
    header, cards = parts.get("HEADER") or {}, (parts.get("CAROUSEL") or {}).get("cards") or []
    filled = _parameters(given, "header")
    file = None
    if (kind := str(header.get("format", "TEXT")).lower()) in MEDIA:
        file = _file(kind, filled[0].get(kind) or {} if filled else {})
    sent_cards = next((part.get("cards") or [] for part in given if _kind(part) == "carousel"), [])
    return Shown(
        _filled(header.get("text"), filled),
        file,
        _filled((parts.get("BODY") or {}).get("text"), _parameters(given, "body")),
        (parts.get("FOOTER") or {}).get("text"),
        [
            _template_button(button, _button_parameters(given, place))
            for place, button in enumerate((parts.get("BUTTONS") or {}).get("buttons") or [])
        ],
        [
            _parts(card.get("components") or [], _card_parts(sent_cards, place))
            for place, card in enumerate(cards)
        ],
    )


def _kind(part: Json) -> str:
    return str(part.get("type")).lower()


def _card_parts(cards: list[Json], place: int) -> list[Json]:
    return next((card.get("components") or [] for card in cards if card.get("card_index") == place), [])


def _parameters(given: list[Json], kind: str) -> list[Json]:
    return [item for part in given if _kind(part) == kind for item in part.get("parameters") or []]


def _button_parameters(given: list[Json], place: int) -> list[Json]:
    return [
        item
        for part in given
        if _kind(part) == "button" and str(part.get("index")) == str(place)
        for item in part.get("parameters") or []
    ]


def _value(parameter: Json) -> str:
    value = parameter.get(str(parameter.get("type")))
    if isinstance(value, dict):
        value = value.get("fallback_value")
    return "" if value is None else str(value)


def _filled(text: str | None, parameters: list[Json]) -> str | None:
    if text is None:
        return None
    values = {
        item.get("parameter_name") or str(place): _value(item) for place, item in enumerate(parameters, 1)
    }
    return VARIABLE.sub(lambda match: values.get(match[1], match[0]), text)


def _template_button(button: Json, parameters: list[Json]) -> Button:
    kind, text = str(button.get("type")), str(button.get("text") or button.get("type"))
    value = _value(parameters[0]) if parameters else ""
    if kind == "QUICK_REPLY":
        pressed = {"text": text, "payload": value or text}
        return Button(text, "reply", reply={"type": "button", "button": pressed})
    if kind == "COPY_CODE":
        return Button(text, "copy", code=str(parameters[0].get("coupon_code", "")) if parameters else "")
    if kind in {"URL", "OTP"}:
        address = str(button.get("url", ""))
        if kind == "OTP" or address.startswith(_OTP_ADDRESS):
            return Button(text, "copy", code=value)
        return Button(text, "url", address=VARIABLE.sub(lambda _: value, address))
    if kind == "PHONE_NUMBER":
        return Button(text, "call", address=f"tel:{button.get('phone_number')}")
    return Button(text)
