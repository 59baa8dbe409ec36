"""What Meta demands of buttons (cloud-api sections 4.4 and 4.5)."""

import re
from itertools import groupby

from rasl.domain.templates.definition import upper
from rasl.domain.templates.lint_report import Json, Report, items

MOST = 10
MAX_TEXT = 25
MAX_URL = 2000
MAX_PHONE = 20
MAX_COPY_CODE = 20
MAX_APPS, MAX_PACKAGE, HASH_LENGTH = 5, 224, 11
_AT_MOST = {
    "URL": 2,
    "PHONE_NUMBER": 1,
    "COPY_CODE": 1,
    "FLOW": 1,
    "CATALOG": 1,
    "MPM": 1,
    "SPM": 1,
    "VOICE_CALL": 1,
}
_FIXED_LABEL = frozenset({"COPY_CODE", "REQUEST_CONTACT_INFO"})
KNOWN = frozenset(
    {*_AT_MOST, "QUICK_REPLY", "CALL_PERMISSION_REQUEST", "REQUEST_CONTACT_INFO", "ORDER_DETAILS"}
)
_OTP_TYPES = frozenset({"COPY_CODE", "ONE_TAP", "ZERO_TAP"})
_URL = re.compile(r"https?://[^\s]+")
_VARIABLE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")


def check_buttons(report: Report, component: Json, path: str, most: int = MOST) -> None:
    """Check the buttons of a message or of a card."""
    buttons = items(component.get("buttons"))
    if not buttons:
        report.problem(f"{path}.buttons", "must be a list of at least one button")
        return
    if len(buttons) > most:
        report.problem(f"{path}.buttons", f"must not have more than {most} buttons")
    kinds = [upper(button.get("type")) for button in buttons]
    if [kind for kind, _ in groupby(kind == "QUICK_REPLY" for kind in kinds)].count(True) > 1:
        report.problem(f"{path}.buttons", "quick replies must stand together")
    for kind, limit in _AT_MOST.items():
        if kinds.count(kind) > limit:
            report.problem(f"{path}.buttons", f"must not have more than {limit} {kind}")
    for index, (button, kind) in enumerate(zip(buttons, kinds, strict=True)):
        _check_button(report, button, kind, f"{path}.buttons.{index}")


def _check_button(report: Report, button: Json, kind: str, path: str) -> None:
    if kind not in KNOWN:
        hint = (
            "belongs to AUTHENTICATION templates"
            if kind == "OTP"
            else f"must be one of {', '.join(sorted(KNOWN))}"
        )
        report.problem(f"{path}.type", hint)
        return
    if kind not in _FIXED_LABEL:
        text = report.text(button, path, "text", MAX_TEXT)
        if text and _VARIABLE.search(text):
            report.problem(f"{path}.text", "must not hold a variable")
    match kind:
        case "URL":
            _check_url(report, button, path)
        case "PHONE_NUMBER":
            report.text(button, path, "phone_number", MAX_PHONE)
        case "COPY_CODE":
            example = button.get("example")
            holder = {"example": example[0] if isinstance(example, list) and example else example}
            report.text(holder, path, "example", MAX_COPY_CODE)
        case "FLOW" if not any(button.get(name) for name in ("flow_id", "flow_name", "flow_json")):
            report.problem(f"{path}.flow_id", "needs one of flow_id, flow_name and flow_json")


def _check_url(report: Report, button: Json, path: str) -> None:
    url = report.text(button, path, "url", MAX_URL)
    if url is None:
        return
    if not _URL.fullmatch(_VARIABLE.sub("x", url)):
        report.problem(f"{path}.url", "must be an address that begins with https://")
    names = _VARIABLE.findall(url)
    if not names:
        return
    if len(names) > 1 or not url.rstrip().endswith("}}"):
        report.problem(f"{path}.url", "may hold one variable, at its end")
    example = button.get("example")
    values = example if isinstance(example, list) else [example]
    if not values or not all(isinstance(value, str) and value for value in values):
        report.problem(f"{path}.example", "needs an example of the address")


def check_otp_buttons(report: Report, component: Json, path: str) -> None:
    """Check the one button of an authentication template."""
    buttons = items(component.get("buttons"))
    if not buttons or len(buttons) != 1 or upper(buttons[0].get("type")) != "OTP":
        report.problem(f"{path}.buttons", "must be exactly one OTP button")
        return
    button, place = buttons[0], f"{path}.buttons.0"
    kind = upper(button.get("otp_type"))
    if kind not in _OTP_TYPES:
        report.problem(f"{place}.otp_type", f"must be one of {', '.join(sorted(_OTP_TYPES))}")
        return
    for name in ("text", "autofill_text"):
        report.text(button, place, name, MAX_TEXT, is_required=False)
    if kind == "ZERO_TAP" and button.get("zero_tap_terms_accepted") is not True:
        report.problem(f"{place}.zero_tap_terms_accepted", "must be true for ZERO_TAP")
    apps = items(button.get("supported_apps", []))
    if apps is None or len(apps) > MAX_APPS:
        report.problem(f"{place}.supported_apps", f"must be a list of at most {MAX_APPS} apps")
        return
    if kind != "COPY_CODE" and not apps and not button.get("package_name"):
        report.problem(f"{place}.supported_apps", f"is required for {kind}")
    for index, app in enumerate(apps):
        where = f"{place}.supported_apps.{index}"
        report.text(app, where, "package_name", MAX_PACKAGE)
        signature = app.get("signature_hash")
        if not isinstance(signature, str) or len(signature) != HASH_LENGTH:
            report.problem(f"{where}.signature_hash", f"must have exactly {HASH_LENGTH} characters")
