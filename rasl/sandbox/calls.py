"""Calls to the sandbox's own servers."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.start import calling
from rasl.start.calling import as_json, multipart

_PATIENCE = 10.0


class File(msgspec.Struct, frozen=True):
    """A file of a form, with the form's other fields."""

    field: str
    name: str
    mime_type: str
    content: bytes
    fields: Mapping[str, str] = {}


def call(method: str, url: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Make one HTTP call to a server of ours and return status and decoded answer."""
    return _exchange(method, url, *as_json(body), token)


def post_form(url: str, file: File, token: str) -> tuple[int, dict[str, Any]]:
    """Post a form that holds one file and return status and decoded answer."""
    content_type, body = multipart(
        [*file.fields.items()], {file.field: (file.name, file.mime_type, file.content)}
    )
    return _exchange("POST", url, {"content-type": content_type}, body, token)


def _exchange(
    method: str, url: str, headers: dict[str, str], content: bytes | None, token: str | None
) -> tuple[int, dict[str, Any]]:
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    reply = calling.call(method, url, headers, content, seconds=_PATIENCE)
    return reply.status, reply.value()
