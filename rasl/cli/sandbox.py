"""`rasl sandbox`."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from rasl import sandbox
from rasl.cli.output import AsJson, progress, show
from rasl.settings import Settings
from rasl.start.sandbox_file import sandbox_file

_PRIYA = "+442079460011"  # of the demo data
_GREETING = {"phone": _PRIYA, "message": "Hello from RASL"}
_TEMPLATE = {"phone": _PRIYA, "template_name": "parcel_ready", "language": "en_GB", "field_1": "Priya"}
_CODE = {"phone": _PRIYA, "template_name": "login_code", "language": "en", "auto_generate": True}
_AMBIGUOUS = {"phone": "+15550100009", "message": "Did this one arrive?"}


def run(as_json: AsJson = False) -> None:
    """Start database, API, worker, simulated Meta and a demo tenant; Ctrl-C stops everything, the data stays."""
    settings = Settings.from_environment()

    def shown(found: Mapping[str, Any]) -> None:
        show(as_json, dict(found), *_welcome(found, settings))

    sandbox.run(settings, progress, shown)
    progress("Stopped. The data is kept; the next start continues with it.")


def _welcome(found: Mapping[str, Any], settings: Settings) -> list[str]:
    base, token, control = found["base_url"], found["token"], found["control_url"]
    answer = found.get("demo", {}).get("answer_id", 1)
    written = {"phone_number_id": found["phone_number_id"], "from": _PRIYA.lstrip("+"), "body": "Hi Acme!"}
    return [
        "",
        "RASL is running. Ctrl-C stops it; the data stays.",
        "",
        f"  API      {base}",
        f"  Token    {token}",
        f"  Docs     {found['docs_url']}",
        f"  Phones   {found['simulator_url']}/#{_PRIYA.lstrip('+')}",
        "           what reaches people, with buttons to tap and answers to type",
        f"  Details  {sandbox_file(settings).absolute()}",
        "",
        "Paste into a second terminal. Send a text to Priya:",
        f"  {_curl(f'{base}/messages/text', token, _GREETING)}",
        "The rest is shorter with these two:",
        f"  {_API.format(token=token)}",
        f"  BASE={base} CONTROL={control}",
        "Send a template with a button, and a one-time password:",
        f"  {_api('$BASE/messages/template', _TEMPLATE)}",
        f"  {_api('$BASE/auth/send-otp', _CODE)}",
        "Let Priya write to you:",
        f"  {_api('$CONTROL/inbound', written)}",
        "Let Meta's answer get lost (its callback settles it):",
        f"  {_api('$BASE/messages/text', _AMBIGUOUS)}",
        "See what became of all that, and every step of one (by its chat_message_id):",
        '  api "$BASE/messages?per_page=5&fields=direction,type,message,status"',
        f'  api "$BASE/messages/{answer}?include=timeline"',
        "",
        "More to try: the README.",
        "",
    ]


_API = """api() {{ curl -sg -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' "$@"; echo; }}"""


def _api(path: str, body: Mapping[str, Any]) -> str:
    return f"api {path} -d {shlex.quote(json.dumps(body))}"


def _curl(url: str, token: str, body: Mapping[str, Any]) -> str:
    """Return a line that a shell takes as it is."""
    words = ["curl", "-s", "-H", f"Authorization: Bearer {token}"]
    return shlex.join([*words, "-H", "Content-Type: application/json", "-d", json.dumps(body), url])
