"""Where the API and the simulated Meta are, and with which token: by options, environment, or a running sandbox."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, NamedTuple
from urllib.parse import urlsplit

import typer

from rasl.cli.calling import CommandError, NoAnswerError, ask_json
from rasl.settings import Settings
from rasl.start.calling import Reply
from rasl.start.sandbox_file import running_sandbox

TOKEN = "RASL_TOKEN"  # noqa: S105 - the name of a variable
URL = "RASL_URL"
API_PATH = "/api/v2"
UrlOption = Annotated[
    str | None,
    typer.Option(
        "--url",
        help="Address of the API, such as https://wa.example.com. Default: RASL_URL, else the sandbox that runs on the "
        "data folder, else this installation.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None,
    typer.Option(
        "--token",
        help="API token: `@file` reads a file, `-` standard input. Default: RASL_TOKEN or RASL_TOKEN_FILE, else the "
        "sandbox's.",
        show_default=False,
    ),
]


class Api(NamedTuple):
    """An API that a command calls in somebody's name."""

    base_url: str
    token: str

    def __repr__(self) -> str:
        """Never show the token."""
        return f"Api({self.base_url!r})"

    @property
    def headers(self) -> dict[str, str]:
        """What every call carries."""
        return {"authorization": f"Bearer {self.token}"}

    def get(self, path: str) -> dict[str, Any]:
        """Return `data` of an answer; raises CommandError as the API explains it."""
        reply = ask_json("GET", f"{self.base_url}{path}", self.headers)
        if not reply.is_good:
            raise refusal(reply)
        data = reply.value().get("data")
        return data if isinstance(data, dict) else {}


class Simulator(NamedTuple):
    """A simulated Meta, and the number of ours that a command means unless it is told another one."""

    control_url: str
    phone_number_id: str | None
    waba_id: str | None

    def post(self, name: str, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order to its control API; raises CommandError with its reason."""
        reply = ask_json("POST", f"{self.control_url}/{name}", {}, order)
        if not reply.is_good:
            raise CommandError("SIMULATOR_REFUSED", f"The simulator refuses: {reply.value().get('error')}.")
        return reply.value()


def find_api(url: str | None, token: str | None) -> Api:
    """Return the API to call; raises CommandError where nobody says which, or in whose name."""
    given_url = url or os.environ.get(URL, "").strip()
    given_token = read_secret(token) if token else _token_of_environment()
    settings = Settings.from_environment()
    running = running_sandbox(settings)
    base_url = _checked(given_url) if given_url else running.get("base_url", f"{settings.base_url}{API_PATH}")
    if not given_token and base_url == running.get("base_url"):
        # The sandbox's own token goes to the sandbox only.
        given_token = running["token"]
    if not given_token:
        raise CommandError(
            "TOKEN_MISSING",
            f"No token for {base_url}: set RASL_TOKEN, or give --token @file.",
            lines=("`rasl token create --tenant S --name N --scopes all` makes one.",),
        )
    if not (given_token.isascii() and given_token.isprintable()):
        raise CommandError("TOKEN_INVALID", "The token holds characters that no token has.")
    return Api(base_url, given_token)


def find_simulator(url: str | None) -> Simulator:
    """Return the simulated Meta of this installation; raises CommandError where Meta is real."""
    settings = Settings.from_environment()
    running = running_sandbox(settings)
    base = (
        (url or running.get("simulator_url") or settings.graph_base_url).rstrip("/").removesuffix("/_control")
    )
    host = urlsplit(base).hostname or ""
    if host == "facebook.com" or host.endswith((".facebook.com", ".whatsapp.com", ".fbsbx.com")):
        raise CommandError(
            "META_IS_REAL",
            f"Meta is real here ({base}), and nothing can be made to happen there: nothing was done.",
            lines=(
                "`rasl trigger` works with `rasl sandbox`, or with `rasl simulator` and RASL_GRAPH_BASE_URL.",
            ),
        )
    control_url = f"{base}/_control"
    try:
        reply = ask_json("GET", f"{control_url}/numbers", {})
    except NoAnswerError as error:
        raise CommandError(error.code, f"{error} Is `rasl sandbox` or `rasl simulator` running?") from None
    if not reply.is_good or not isinstance(reply.value().get("data"), list):
        raise CommandError("META_IS_REAL", f"What answers at {base} is no simulator: nothing was done.")
    numbers = reply.value()["data"]
    known = next(
        (item for item in numbers if item["phone_number_id"] == running.get("phone_number_id")), None
    )
    chosen = known or (numbers[0] if len(numbers) == 1 else {})
    return Simulator(control_url, chosen.get("phone_number_id"), chosen.get("waba_id"))


def refusal(reply: Reply) -> CommandError:
    """Return the error that an answer of the API explains."""
    value = reply.value()
    error = value.get("error")
    if not isinstance(error, dict):
        return CommandError(
            "HTTP_ERROR", f"The answer is HTTP {reply.status} {reply.reason}, and not one of RASL's API."
        )
    details = error.get("details")
    meta = value.get("meta")
    request_id = meta.get("request_id") if isinstance(meta, dict) else None
    lines = [f"{name}: {_told(item)}" for name, item in details.items()] if isinstance(details, dict) else []
    told = {"details": details, "status": reply.status, "request_id": request_id}
    return CommandError(
        str(error.get("code")),
        f"{error.get('message')} ({error.get('code')}, HTTP {reply.status})",
        told={name: item for name, item in told.items() if item not in (None, {}, [])},
        lines=(*lines, f"request {request_id}") if request_id else tuple(lines),
    )


def read_secret(text: str) -> str:
    """Keep secrets out of the list of processes for those who want that: `@file` and `-` are read."""
    if text == "-":
        return sys.stdin.readline().strip()
    if text.startswith("@"):
        return _read_file(text[1:])
    return text


def _token_of_environment() -> str:
    if path := os.environ.get(f"{TOKEN}_FILE", "").strip():
        return _read_file(path)
    return os.environ.get(TOKEN, "").strip()


def _read_file(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter(f"{path} cannot be read.") from None


def _checked(url: str) -> str:
    """Return the base of the API behind an address; raises BadParameter."""
    parts = urlsplit(url.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise typer.BadParameter(f"{url} is no address of an API: write https://wa.example.com.")
    if parts.username is not None:
        raise typer.BadParameter("An address of an API holds no password: give the token by RASL_TOKEN.")
    base = url.rstrip("/")
    return base if base.endswith(API_PATH) else f"{base}{API_PATH}"


def _told(item: Any) -> str:
    return "; ".join(map(str, item)) if isinstance(item, list) else str(item)
