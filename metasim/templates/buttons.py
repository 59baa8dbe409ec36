"""The buttons of a template."""

import re
from collections import Counter
from collections.abc import Callable
from itertools import groupby

from metasim.templates.authentication import written_otp
from metasim.templates.texts import Json, objects, text_of, upper, wrong
from metasim.templates.variables import VARIABLE

MOST = 10
_TEXT = 25
_URL = 2000
_CODE = 20
_PHONE = 20
_MOST_OF = {
    "URL": 2,
    "PHONE_NUMBER": 1,
    "COPY_CODE": 1,
    "OTP": 1,
    "FLOW": 1,
    "MPM": 1,
    "SPM": 1,
    "CATALOG": 1,
}
_LABELS = {
    "COPY_CODE": "Copy offer code",
    "MPM": "View items",
    "SPM": "View",
    "CATALOG": "View catalog",
    "CALL_PERMISSION_REQUEST": "Call permission",
    "REQUEST_CONTACT_INFO": "Share contact info",
    "VOICE_CALL": "Call now",
}
_ALONE = frozenset({"OTP", "MPM", "CATALOG"})
_NUMBER = re.compile(r"\+?[\d ().-]{5,20}")


def written_buttons(value: object, category: str, most: int = MOST) -> list[Json]:
    """Checked buttons in the form they are read back in."""
    given = objects(value, "buttons")
    if len(given) > most:
        raise wrong(f"A template can have at most {most} buttons.")
    written = [_written(button, category) for button in given]
    kinds = [upper(button.get("type")) for button in given]
    for kind, count in Counter(kinds).items():
        if count > _MOST_OF.get(kind, most):
            raise wrong(f"A template can have at most {_MOST_OF[kind]} buttons of type {kind}.")
    if len(kinds) > 1 and (alone := sorted(_ALONE.intersection(kinds))):
        raise wrong(f"A button of type {alone[0]} must be the only one.")
    groups = [is_reply for is_reply, _ in groupby(kind == "QUICK_REPLY" for kind in kinds)]
    if groups.count(True) > 1 or len(groups) > 2:
        raise wrong("Quick reply buttons must stand together, before or after the other buttons.")
    texts = [button["text"] for button in written if upper(button.get("type")) == "QUICK_REPLY"]
    if len(set(texts)) != len(texts):
        raise wrong("Two quick reply buttons have the same text.")
    return written


def _written(button: Json, category: str) -> Json:
    kind = upper(button.get("type"))
    write = _KINDS.get(kind)
    if write is None:
        known = ", ".join(sorted((*_KINDS, "OTP")))
        if kind == "OTP":
            return _otp(button, category)
        raise wrong(f'The button type must be one of {{{known}}} - got "{button.get("type")}".')
    if category == "AUTHENTICATION":
        raise wrong("Authentication templates take one button of type OTP.")
    return {**write(button), "type": kind}


def _otp(button: Json, category: str) -> Json:
    if category != "AUTHENTICATION":
        raise wrong("Buttons of type OTP are for authentication templates.")
    return written_otp(button)


def _quick_reply(button: Json) -> Json:
    return {"text": _plain(button, "QUICK_REPLY")}


def _url(button: Json) -> Json:
    text = _plain(button, "URL")
    url = text_of(button, "url", "URL button", _URL)
    if not url.startswith(("http://", "https://")):
        raise wrong(f"The URL {url} is not valid.")
    found = [*VARIABLE.finditer(url)]
    written: Json = {"text": text, "url": url}
    if found:
        if len(found) > 1 or found[0].end() != len(url):
            raise wrong("A URL can have one variable, at its end.")
        example = button.get("example")
        if not isinstance(example, list | str) or not example:
            raise wrong("A URL with a variable needs an example.")
        written["example"] = [example] if isinstance(example, str) else example
    if "app_deep_link" in button:
        written["app_deep_link"] = button["app_deep_link"]
    return written


def _phone_number(button: Json) -> Json:
    text = _plain(button, "PHONE_NUMBER")
    number = text_of(button, "phone_number", "PHONE_NUMBER button", _PHONE)
    if not _NUMBER.fullmatch(number):
        raise wrong(f"{number} is not a valid phone number.")
    return {"text": text, "phone_number": number}


def _copy_code(button: Json) -> Json:
    example = button.get("example")
    code = example[0] if isinstance(example, list) and example else example
    text_of({"example": code}, "example", "COPY_CODE button", _CODE)
    return {"text": _LABELS["COPY_CODE"], "example": [code]}


def _flow(button: Json) -> Json:
    text = _plain(button, "FLOW")
    named = [key for key in ("flow_id", "flow_name", "flow_json") if button.get(key)]
    if len(named) != 1:
        raise wrong("A button of type FLOW needs exactly one of flow_id, flow_name and flow_json.")
    action = upper(button.get("flow_action") or "navigate")
    if action not in {"NAVIGATE", "DATA_EXCHANGE"}:
        raise wrong("flow_action must be navigate or data_exchange.")
    kept = ("flow_id", "flow_name", "navigate_screen", "icon")
    return {"text": text, "flow_action": action, **{key: button[key] for key in kept if key in button}}


def _labelled(kind: str) -> Callable[[Json], Json]:
    def write(button: Json) -> Json:
        text = button.get("text") or _LABELS[kind]
        kept = {"ttl_minutes": button["ttl_minutes"]} if "ttl_minutes" in button else {}
        return {"text": text_of({"text": text}, "text", f"{kind} button", _TEXT), **kept}

    return write


def _plain(button: Json, kind: str) -> str:
    text = text_of(button, "text", f"{kind} button", _TEXT)
    if VARIABLE.search(text) or "\n" in text:
        raise wrong("Button texts take no variables and no line breaks.")
    return text


_KINDS: dict[str, Callable[[Json], Json]] = {
    "QUICK_REPLY": _quick_reply,
    "URL": _url,
    "PHONE_NUMBER": _phone_number,
    "COPY_CODE": _copy_code,
    "FLOW": _flow,
    **{
        kind: _labelled(kind)
        for kind in ("MPM", "SPM", "CATALOG", "VOICE_CALL", "CALL_PERMISSION_REQUEST", "REQUEST_CONTACT_INFO")
    },
}
