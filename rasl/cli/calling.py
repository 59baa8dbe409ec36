"""One HTTP call, as commands make them: to the API and to the simulator, with nothing but the standard library."""

import http.client
import secrets
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from rasl import __version__

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 120.0  # a large file takes a while, and Meta may think about it
_FAILED = 1


class CommandError(Exception):
    """Why a command could not do what it was told: one sentence, with a code for scripts.

    `told` is what else is known of it, for --json; `lines` is the same for people.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        exit_code: int = _FAILED,
        told: Mapping[str, Any] | None = None,
        lines: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code
        self.told = dict(told or {})
        self.lines = lines


class NoAnswerError(CommandError):
    """Nobody is there: no byte of the request arrived anywhere."""


class BrokenOffError(CommandError):
    """The connection broke after the request went out: it may have been carried out."""


class Reply(NamedTuple):
    """What came back, whatever its status."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def is_good(self) -> bool:
        """Whether it was done."""
        return 200 <= self.status < 300

    def value(self) -> dict[str, Any]:
        """Return the JSON object of the body, an empty one if it is none."""
        try:
            value = msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}
        return value if isinstance(value, dict) else {}


def call(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
    """Make one call; redirects are not followed, so that a token goes nowhere but to the address it was given for."""
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError(
                "NO_ANSWER",
                f"Nothing answers at {origin} ({_reason(error)}).",
                lines=(
                    "Is `rasl serve` or `rasl sandbox` running? --url or RASL_URL names another address.",
                ),
            ) from None
        connection.sock.settimeout(_ANSWER_SECONDS)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            connection.request(method, path, body, {"user-agent": f"rasl/{__version__}", **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, response.reason, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise BrokenOffError(
                "CONNECTION_BROKE",
                f"The connection to {origin} broke before an answer came ({_reason(error)}).",
            ) from None
    finally:
        connection.close()


def ask_json(method: str, url: str, headers: Mapping[str, str], value: Any = None) -> Reply:
    """Make one call with a JSON body, or without any."""
    body = None if value is None else msgspec.json.encode(value)
    own = {} if body is None else {"content-type": "application/json"}
    return call(method, url, {"accept": "application/json", **own, **headers}, body)


def multipart(
    fields: Sequence[tuple[str, str]], files: Mapping[str, tuple[str, str, bytes]]
) -> tuple[str, bytes]:
    """Return content type and body of a form; a file is its name, its type and its bytes."""
    boundary = secrets.token_hex(16)
    parts = [(f'name="{_quoted(name)}"', "", text.encode()) for name, text in fields]
    parts += [
        (f'name="{_quoted(name)}"; filename="{_quoted(filename)}"', f"\r\nContent-Type: {kind}", content)
        for name, (filename, kind, content) in files.items()
    ]
    body = b"".join(
        f"--{boundary}\r\nContent-Disposition: form-data; {names}{kind}\r\n\r\n".encode() + content + b"\r\n"
        for names, kind, content in parts
    )
    return f"multipart/form-data; boundary={boundary}", body + f"--{boundary}--\r\n".encode()


def _quoted(text: str) -> str:
    """Write a name as browsers do (https://html.spec.whatwg.org/#multipart-form-data)."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, port, timeout=_CONNECT_SECONDS, context=context)
    return http.client.HTTPConnection(host, port, timeout=_CONNECT_SECONDS)


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
