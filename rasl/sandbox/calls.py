"""Calls to the sandbox's own servers."""

import http.client
import json
import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

_PATIENCE = 10


class File(msgspec.Struct, frozen=True):
    """A file of a form, with the form's other fields."""

    field: str
    name: str
    mime_type: str
    content: bytes
    fields: Mapping[str, str] = {}


def call(method: str, url: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Make one HTTP call to a server of ours and return status and decoded answer."""
    content = None if body is None else json.dumps(body).encode()
    return _exchange(method, url, content, "application/json", token)


def post_form(url: str, file: File, token: str) -> tuple[int, dict[str, Any]]:
    """Post a form that holds one file and return status and decoded answer."""
    edge = secrets.token_hex(16)
    head = "".join(
        f'--{edge}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in file.fields.items()
    ) + (
        f'--{edge}\r\nContent-Disposition: form-data; name="{file.field}"; filename="{file.name}"\r\n'
        f"Content-Type: {file.mime_type}\r\n\r\n"
    )
    content = head.encode() + file.content + f"\r\n--{edge}--\r\n".encode()
    return _exchange("POST", url, content, f"multipart/form-data; boundary={edge}", token)


def _exchange(
    method: str, url: str, content: bytes | None, content_type: str, token: str | None
) -> tuple[int, dict[str, Any]]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PATIENCE)
    headers = {"content-type": content_type}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, content, headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}
