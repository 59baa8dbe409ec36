"""Media: upload, descriptor, and bytes behind an address that expires."""

import hashlib
import hmac
import re
import time
from typing import NamedTuple

from rasl.simulator.access import check_token
from rasl.simulator.errors import GraphError, invalid
from rasl.simulator.exchange import Answer, Request, json_answer
from rasl.simulator.journal import Entry
from rasl.simulator.paging import base_url
from rasl.simulator.state import State
from rasl.simulator.store import Media, Number

PATH = "/whatsapp_business/attachments/"
VALID_SECONDS = 300
_MEGABYTE = 1024 * 1024
_OFFICE = "application/vnd.openxmlformats-officedocument"
LARGEST = {
    **dict.fromkeys(("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"), 16 * _MEGABYTE),
    **dict.fromkeys(("video/mp4", "video/3gpp"), 16 * _MEGABYTE),
    **dict.fromkeys(("image/jpeg", "image/png"), 5 * _MEGABYTE),
    "image/webp": 500 * 1024,
    **dict.fromkeys(
        (
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            f"{_OFFICE}.wordprocessingml.document",
            f"{_OFFICE}.spreadsheetml.sheet",
            f"{_OFFICE}.presentationml.presentation",
        ),
        100 * _MEGABYTE,
    ),
}
_BOUNDARY = re.compile(rb'boundary="?([^";]+)"?', re.IGNORECASE)
_ATTRIBUTE = re.compile(r'(name|filename)="([^"]*)"')
_PART_TYPE = re.compile(r"^content-type:\s*([^;\r\n]+)", re.IGNORECASE | re.MULTILINE)


class _Part(NamedTuple):
    content: bytes
    mime_type: str
    filename: str


def keep(state: State, content: bytes, mime_type: str, filename: str = "") -> Media:
    """Store a file under a fresh id."""
    media = Media(state.mint.digits(), mime_type, content, hashlib.sha256(content).hexdigest(), filename)
    state.registry.media[media.id] = media
    return media


async def upload(state: State, request: Request, _number: Number, entry: Entry) -> Answer:
    """POST /{phone_number_id}/media."""
    entry.body = b""
    parts = _parts(request)
    product = parts.get("messaging_product")
    if product is None or product.content != b"whatsapp":
        raise invalid("The parameter messaging_product is required.")
    file = parts.get("file")
    if file is None:
        raise invalid("The parameter file is required.")
    declared = parts["type"].content.decode("latin-1") if "type" in parts else ""
    mime_type = (file.mime_type or declared).partition(";")[0].strip().lower()
    if mime_type not in LARGEST:
        known = ", ".join(LARGEST)
        raise invalid(
            f"Param file must be a file with one of the following types: {known}."
            f" Received file of type '{mime_type or 'application/octet-stream'}'."
        )
    if len(file.content) > LARGEST[mime_type]:
        raise invalid("Invalid parameter", "File size is too large for its type")
    return json_answer({"id": keep(state, file.content, mime_type, file.filename).id})


async def get_descriptor(state: State, request: Request, media: Media, _entry: Entry) -> Answer:
    """GET /{media_id}."""
    return json_answer(
        {
            "messaging_product": "whatsapp",
            "url": address(state, media, base_url(request, state.config.public_url)),
            "mime_type": media.mime_type,
            "sha256": media.sha256,
            "file_size": len(media.content),
            "id": media.id,
        }
    )


async def delete(state: State, _request: Request, media: Media, _entry: Entry) -> Answer:
    """DELETE /{media_id}."""
    del state.registry.media[media.id]
    return json_answer({"success": True})


async def download(state: State, request: Request) -> Answer:
    """The bytes behind a descriptor's address; needs the token, and is gone after five minutes."""
    try:
        check_token(state, request)
    except GraphError as error:
        return json_answer(error.envelope(state.mint.trace()), 401)
    query = request.query
    media = state.registry.media.get(query.get("mid", ""))
    expires = query.get("ext", "0")
    is_valid = media is not None and hmac.compare_digest(
        _seal(state, media.id, expires), query.get("hash", "")
    )
    if media is None or not is_valid or not expires.isdigit() or int(expires) < time.time():
        return Answer(404, b"", content_type=b"text/plain")
    return Answer(200, media.content, content_type=media.mime_type.encode())


def address(state: State, media: Media, base: str) -> str:
    """Where the bytes can be fetched for the next five minutes."""
    expires = str(int(time.time()) + VALID_SECONDS)
    return f"{base}{PATH}?mid={media.id}&ext={expires}&hash={_seal(state, media.id, expires)}"


def _seal(state: State, media_id: str, expires: str) -> str:
    key = f"media {state.initial.seed}".encode()
    return hashlib.blake2b(f"{media_id} {expires}".encode(), key=key, digest_size=16).hexdigest()


def _parts(request: Request) -> dict[str, _Part]:
    match = _BOUNDARY.search(request.header(b"content-type"))
    if match is None:
        raise invalid("The parameter messaging_product is required.")
    parts: dict[str, _Part] = {}
    for chunk in request.body.split(b"--" + match[1])[1:-1]:
        head, _, content = chunk.partition(b"\r\n\r\n")
        described = head.decode("utf-8", "replace")
        attributes = dict(_ATTRIBUTE.findall(described))
        kind = _PART_TYPE.search(described.replace("\r\n", "\n"))
        mime_type = kind[1].strip() if kind else ""
        parts[attributes.get("name", "")] = _Part(
            content.removesuffix(b"\r\n"), mime_type, attributes.get("filename", "")
        )
    return parts
