"""Media on the Graph side: upload, descriptor, deletion."""

import hashlib
from typing import Any

from metasim.addresses import media_base
from metasim.blobs import Blob
from metasim.errors import GraphError, invalid
from metasim.exchange import Answer, Request, json_answer
from metasim.faults import FLAWS, Effect, Flaw
from metasim.journal import Entry
from metasim.media_host import address
from metasim.multipart_form import Form, FormFile, read_form
from metasim.state import State
from metasim.store import Media, Number

UPLOADED_SECONDS = 30 * 86_400.0
RECEIVED_SECONDS = 7 * 86_400.0
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
LARGEST_DOCUMENT = 100 * _MEGABYTE
_NEVER_DOCUMENTS = ("image/", "video/", "audio/")


def keep(state: State, blob: Blob, mime_type: str, number: Number | None, *, is_uploaded: bool) -> Media:
    """Store a file under a fresh id; uploads live for 30 days, what users sent for 7."""
    lifetime = UPLOADED_SECONDS if is_uploaded else RECEIVED_SECONDS
    media = Media(state.mint.digits(), number, mime_type, blob, state.clock.now() + lifetime)
    state.registry.media[media.id] = media
    return media


async def upload(state: State, request: Request, number: Number, entry: Entry) -> Answer:
    """POST /{phone_number_id}/media."""
    form = await read_form(request, LARGEST_DOCUMENT)
    file = form.file
    try:
        mime_type = _check_form(state, form)
    except GraphError:
        if file is not None:
            file.blob.close()
        raise
    if file is None:
        raise invalid("The parameter file is required.")
    media = keep(state, file.blob, mime_type, number, is_uploaded=True)
    media.filename = file.filename
    media.flaw = _flaw(request.effect)
    entry.text = media.id
    return json_answer({"id": media.id})


def _check_form(state: State, form: Form) -> str:
    product = form.fields.get("messaging_product")
    if product != "whatsapp":
        raise invalid("The parameter messaging_product is required.")
    if form.file is None:
        raise invalid("The parameter file is required.")
    mime_type = _mime_type(form.file, form.fields.get("type", ""))
    most = LARGEST.get(mime_type)
    if most is None and state.config.any_document_type and not mime_type.startswith(_NEVER_DOCUMENTS):
        most = LARGEST_DOCUMENT
    if most is None:
        known = ", ".join(LARGEST)
        raise invalid(
            f"Param file must be a file with one of the following types: {known}."
            f" Received file of type '{mime_type or 'application/octet-stream'}'."
        )
    if form.file.size > most:
        raise invalid("Invalid parameter", "File size is too large for its type")
    if not form.file.size:
        raise invalid("Invalid parameter", "The file is empty")
    return mime_type


def _mime_type(file: FormFile, declared: str) -> str:
    return (file.mime_type or declared).partition(";")[0].strip().lower()


def _flaw(effect: Effect | None) -> Flaw | None:
    return next((flaw for flaw in FLAWS if effect is not None and effect.kind == flaw), None)


async def get_descriptor(state: State, request: Request, media: Media, _entry: Entry) -> Answer:
    """GET /{media_id}."""
    _check_owner(request, media)
    flaw = _flaw(request.effect) or media.flaw
    size, sha256 = media.blob.size, media.blob.sha256
    if flaw == "oversized" and request.effect is not None:
        size += request.effect.extra_bytes
    elif flaw == "wrong_hash":
        sha256 = wrong_hash(sha256)
    descriptor: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "url": address(state, media, media_base(state, request)),
        "mime_type": media.mime_type,
        "sha256": sha256,
        "file_size": size,
        "id": media.id,
    }
    return json_answer(descriptor)


def wrong_hash(sha256: str) -> str:
    """The digest of something else."""
    return hashlib.sha256(sha256.encode()).hexdigest()


async def delete(state: State, request: Request, media: Media, _entry: Entry) -> Answer:
    """DELETE /{media_id}."""
    _check_owner(request, media)
    state.registry.drop_media(media)
    return json_answer({"success": True})


def _check_owner(request: Request, media: Media) -> None:
    """Where the caller names a number, it must be the one the file belongs to."""
    named = request.query.get("phone_number_id")
    if named and (media.number is None or media.number.id != named):
        raise invalid("Param phone_number_id must be the business phone number the media was uploaded on.")
