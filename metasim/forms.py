"""The parameters of a POST, however they were written."""

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from metasim.errors import invalid
from metasim.exchange import Request

_decode = msgspec.json.Decoder().decode


def decode_body(request: Request) -> dict[str, Any]:
    """The parameters of a POST, from JSON or from a form whose values may be JSON."""
    if request.header(b"content-type").startswith(b"application/x-www-form-urlencoded"):
        pairs = parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {key: _form_value(value) for key, value in pairs}
    if not request.body:
        return dict(request.query)
    try:
        payload = _decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise invalid("Invalid parameter", "The request body is not valid JSON.") from None
    if not isinstance(payload, dict):
        raise invalid("Invalid parameter", "The request body must be a JSON object.")
    return payload


def _form_value(value: str) -> Any:
    if value[:1] not in {"{", "["}:
        return value
    try:
        return _decode(value)
    except msgspec.DecodeError:
        return value
