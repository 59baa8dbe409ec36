"""Resumable uploads: a session, its bytes in as many goes as it takes, and the handle templates name it by."""

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import parse_qsl

from metasim.blobs import Blob
from metasim.errors import invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.journal import Entry
from metasim.state import State
from metasim.store import Upload

PREFIX = "upload:"
_MEGABYTE = 1024 * 1024
LARGEST = 100 * _MEGABYTE
TYPES = frozenset({"application/pdf", "image/jpeg", "image/jpg", "image/png", "video/mp4"})


def find_upload(state: State, node_id: str, request: Request) -> Upload | None:
    """The session of a node id; its signature may come in the query or escaped in the path."""
    if not node_id.startswith(PREFIX):
        return None
    token, _, options = node_id.removeprefix(PREFIX).partition("?")
    signature = dict(parse_qsl(options)).get("sig") or request.query.get("sig")
    upload = state.registry.uploads.get(token)
    return upload if upload is not None and upload.signature == signature else None


async def start(state: State, request: Request, app_id: str, _entry: Entry) -> Answer:
    """POST /{app_id}/uploads."""
    query = request.query
    length, mime_type = query.get("file_length", ""), query.get("file_type", "").lower()
    for name in ("file_length", "file_type"):
        if not query.get(name):
            raise invalid(f"The parameter {name} is required.")
    if not length.isdigit() or not 0 < int(length) <= LARGEST:
        raise invalid(f"Param file_length must be an integer between 1 and {LARGEST}.")
    if mime_type not in TYPES:
        known = ", ".join(sorted(TYPES))
        raise invalid(f'Param file_type must be one of {{{known}}} - got "{mime_type}".')
    token = urlsafe_b64encode(f"MTphd:{state.mint.hex32()}".encode()).decode().rstrip("=")
    signature = "ARZ" + state.mint.trace()[1:18]
    upload = Upload(token, signature, app_id, int(length), mime_type, query.get("file_name", ""), Blob())
    state.registry.uploads[token] = upload
    return json_answer({"id": _name(upload)})


async def receive(state: State, request: Request, upload: Upload, _entry: Entry) -> Answer:
    """POST /{upload id}: raw bytes from an offset on; what arrived stays even when the rest does not."""
    given = request.header(b"file_offset").decode("latin-1")
    if not given.isdigit():
        raise invalid("The header file_offset is required.")
    offset = int(given)
    if offset > upload.blob.size:
        raise invalid(f"Param file_offset must not be beyond the {upload.blob.size} bytes received.")
    if offset < upload.blob.size:
        upload.blob.cut(offset)
    async for chunk in request.chunks():
        if upload.blob.size + len(chunk) > upload.length:
            raise invalid("Invalid parameter", "More bytes were sent than file_length says.")
        upload.blob.write(chunk)
    if not upload.is_complete:
        return json_answer({"id": _name(upload), "file_offset": upload.blob.size})
    if not upload.handle:
        upload.handle = _handle(state, upload)
        state.registry.handles[upload.handle] = upload
    return json_answer({"h": upload.handle})


async def get_upload(_state: State, _request: Request, upload: Upload, _entry: Entry) -> Answer:
    """GET /{upload id}: how far it got."""
    return json_answer({"id": _name(upload), "file_offset": upload.blob.size})


def _name(upload: Upload) -> str:
    return f"{PREFIX}{upload.token}?sig={upload.signature}"


def _handle(state: State, upload: Upload) -> str:
    kind = b64encode(upload.mime_type.encode()).decode()
    expires = int(state.clock.now()) + 30 * 86_400
    first, last = state.mint.trace()[1:], state.mint.trace()[1:]
    return f"4::{kind}:ARZ{first}:e:{expires}:{upload.app_id}:{state.mint.digits()}:ARb{last}"
