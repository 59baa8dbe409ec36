"""Authentication templates: Meta writes the text, and the OTP button reads back as a URL."""

import re
from typing import Any

from metasim.templates.texts import Json, missing, text_of, upper, wrong

CODE_LIMIT = 15
_BODY = "*{{1}}* is your verification code."
_SECURITY = " For your security, do not share this code."
_MOST_APPS = 5
_HASH_LENGTH = 11
_PACKAGE = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+")
_ADDRESS = "https://www.whatsapp.com/otp/code/"
_TYPES = ("COPY_CODE", "ONE_TAP", "ZERO_TAP")


def written_authentication(components: list[Json]) -> list[Json]:
    """The fixed parts in the form they are read back in, without the buttons."""
    kinds = [upper(component.get("type")) for component in components]
    for kind in kinds:
        if kind not in {"BODY", "FOOTER", "BUTTONS"} or kinds.count(kind) > 1:
            raise wrong("Authentication templates have one BODY, at most one FOOTER, and BUTTONS.")
    for kind in ("BODY", "BUTTONS"):
        if kind not in kinds:
            raise missing(kind, "type")
    written = []
    for component, kind in zip(components, kinds, strict=True):
        if kind == "BODY":
            written.append(_body(component))
        elif kind == "FOOTER":
            written.append(_footer(component))
    return written


def _body(component: Json) -> Json:
    if component.get("text"):
        raise wrong("The body of an authentication template cannot be chosen.")
    is_secured = bool(component.get("add_security_recommendation"))
    return {
        "type": "BODY",
        "text": _BODY + (_SECURITY if is_secured else ""),
        "add_security_recommendation": is_secured,
        "example": {"body_text": [["123456"]]},
    }


def _footer(component: Json) -> Json:
    minutes: Any = component.get("code_expiration_minutes")
    if isinstance(minutes, bool) or not isinstance(minutes, int) or not 1 <= minutes <= 90:
        raise wrong("code_expiration_minutes must be between 1 and 90.")
    return {
        "type": "FOOTER",
        "text": f"This code expires in {minutes} minutes.",
        "code_expiration_minutes": minutes,
    }


def written_otp(button: Json) -> Json:
    """An OTP button as the URL button Meta turns it into."""
    kind = upper(button.get("otp_type"))
    if kind not in _TYPES:
        raise wrong(f"otp_type must be one of {', '.join(_TYPES)}.")
    for key in ("text", "autofill_text"):
        if button.get(key) is not None:
            text_of(button, key, "OTP button", 25)
    if kind != "COPY_CODE":
        _check_apps(button)
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        raise wrong("zero_tap_terms_accepted must be true for zero-tap templates.")
    address = f"{_ADDRESS}?otp_type={kind}&code=otp"
    return {
        "type": "URL",
        "text": button.get("text") or "Copy code",
        "url": address + "{{1}}",
        "example": [address + "123456"],
    }


def _check_apps(button: Json) -> None:
    apps = button.get("supported_apps")
    if apps is None and button.get("package_name"):
        apps = [button]
    if not isinstance(apps, list) or not 1 <= len(apps) <= _MOST_APPS:
        raise wrong(f"supported_apps must name 1 to {_MOST_APPS} apps.")
    for app in apps:
        package = text_of(app, "package_name", "supported_apps", 224)
        if not _PACKAGE.fullmatch(package):
            raise wrong(f"{package} is not a valid package name.")
        if len(str(app.get("signature_hash", ""))) != _HASH_LENGTH:
            raise wrong(f"signature_hash must be exactly {_HASH_LENGTH} characters long.")
