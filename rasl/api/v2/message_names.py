"""What names a message in a path, byte for byte: WhatsApp's ids are base64 and may hold slashes, also two in a row."""

from urllib.parse import unquote_to_bytes

from rasl.web.request import ApiRequest

_START = b"/messages/"


def raw_name(request: ApiRequest) -> bytes:
    """Return what follows `/messages/`, still encoded: the router has already made one slash of several."""
    raw: bytes = request.scope.get("raw_path") or b""
    return raw.partition(_START)[2]


def read_name(raw: bytes) -> str:
    """Decode the name of a message; what is no UTF-8 names none. A number may be followed by a slash."""
    name = unquote_to_bytes(raw).decode("utf-8", "replace")
    number = name.rstrip("/")
    return number if number.isdecimal() else name
