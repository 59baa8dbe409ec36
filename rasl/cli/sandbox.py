"""`rasl sandbox`."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from rasl import sandbox
from rasl.cli.output import AsJson, progress, show
from rasl.settings import Settings
from rasl.start.sandbox_file import sandbox_file

_GREETING = {"phone": "+15550100001", "message": "Hello from RASL"}
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
    inbound = {"phone_number_id": found["phone_number_id"], "from": "15550100001", "body": "Hi Acme!"}
    return [
        "",
        "RASL is running. Ctrl-C stops it.",
        "",
        f"  API        {base}",
        f"  Token      {token}",
        f"  Docs       {found['docs_url']}",
        f"  Simulator  {control}/ (plays Meta; {control}/magic lists its magic numbers)",
        f"  Details    {sandbox_file(settings).absolute()}",
        "",
        "Send a message:",
        f"  {_curl(f'{base}/messages/text', token, _GREETING)}",
        "List messages, newest first:",
        f"  {_curl(f'{base}/messages', token)}",
        "See every step of one (take data.chat_message_id of the first answer for 1):",
        f"  {_curl(f'{base}/messages/1?include=timeline', token)}",
        "Let Meta's answer get lost (the status callback settles it):",
        f"  {_curl(f'{base}/messages/text', token, _AMBIGUOUS)}",
        "Let a customer write to you:",
        f"  {_curl(f'{control}/inbound', None, inbound)}",
        "",
    ]


def _curl(url: str, token: str | None, body: Mapping[str, Any] | None = None) -> str:
    """Return a line that a shell takes as it is."""
    words = ["curl", "-s"]
    if token is not None:
        words += ["-H", f"Authorization: Bearer {token}"]
    if body is not None:
        words += ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    return shlex.join([*words, url])
