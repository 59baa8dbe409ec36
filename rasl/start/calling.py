"""One HTTP call, as commands and the sandbox make them: with nothing but the standard library."""

import http.client
import secrets
import ssl
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from rasl import __version__

_CONNECT_SECONDS = 10.0
ANSWER_SECONDS = 120.0  # a large file takes a while, and Meta may think about it


class NotReachedError(ConnectionError):
    """Nobody is there: no byte of the request arrived anywhere. Says who, and why."""


class BrokenError(ConnectionError):
    """The connection broke after the request went out: it may have been carried out. Says with whom, and why."""


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


def call(
    method: str,
    url: str,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    *,
    seconds: float = ANSWER_SECONDS,
) -> Reply:
    """Make one call, of which each step may take so many seconds; raises NotReachedError or BrokenError.

    Redirects are not followed, so that a token goes nowhere but to the address it was given for.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    connection = _connection(parts.scheme, parts.hostname or "", parts.port)
    try:
        try:
            connection.connect()
        except (OSError, http.client.HTTPException) as error:
            raise NotReachedError(f"{origin} ({_reason(error)})") from None
        connection.sock.settimeout(seconds)
        path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        try:
            connection.request(method, path, body, {"user-agent": f"rasl/{__version__}", **(headers or {})})
            response = connection.getresponse()
            return Reply(response.status, response.reason, response.getheaders(), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise BrokenError(f"{origin} broke before an answer came ({_reason(error)})") from None
    finally:
        connection.close()


def as_json(value: Any) -> tuple[dict[str, str], bytes | None]:
    """Return headers and body of a call that says this in JSON, or nothing."""
    if value is None:
        return {}, None
    return {"content-type": "application/json"}, msgspec.json.encode(value)


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
