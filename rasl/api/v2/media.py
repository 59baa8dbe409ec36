"""Files: stored once, to be named by messages (additive to api-v2)."""

import datetime as dt
import functools
from typing import ClassVar

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath
from litestar.types import ASGIApp

from rasl import clock
from rasl.api.caller import MayReadMessages, MaySendMessages
from rasl.api.idempotency import OWN_KEY, run_once
from rasl.api.media_form import form_body
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import IDEMPOTENCY_KEY, operation
from rasl.api.v2.sends.media_body import FILE, MEDIA_TYPE_MESSAGES, MediaType, MediaUrl
from rasl.domain.media_formats import LARGEST
from rasl.domain.tenants import Caller
from rasl.domain.validation import Body, read_id, read_values
from rasl.errors import NotFound, ValidationFailed
from rasl.services.composing.addressing import Collecting
from rasl.services.media import files
from rasl.services.media.files import Source, StoredMedia
from rasl.services.media.links import signed_url
from rasl.web.envelope import success
from rasl.web.form import FORM_BYTES, Form, received_values
from rasl.web.request import ApiRequest
from rasl.web.responses import READS_BODY

_STORED = "Media stored successfully"
_EXAMPLE = {
    "id": 7,
    "media_type": "image",
    "mime_type": "image/png",
    "size": 48213,
    "filename": "menu.png",
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "is_voice": False,
    "url": "https://wa.example.test/media/AAAAAAAAAAEAAAAAAAAABw",
    "url_expires_at": "2026-03-04T10:15:22+00:00",
}


class StoreMedia(Body, frozen=True, kw_only=True):
    """A file to store: `media_file` of a form, or an address."""

    media_type: MediaType
    media_url: MediaUrl | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = MEDIA_TYPE_MESSAGES


class MediaItem(msgspec.Struct):
    """A stored file; `url` works without a token until `url_expires_at`."""

    id: int
    media_type: MediaType
    mime_type: str
    size: int
    filename: str | None
    sha256: str
    is_voice: bool
    url: str
    url_expires_at: str


MEDIA = Noun("/media", Tag("Media", "Files for messages, and from messages."), "media", MediaItem, _EXAMPLE)


@MEDIA.post(
    "",
    201,
    *READS_BODY,
    NotFound,
    says=_STORED,
    tells="Stored.",
    asks={"file": {"media_type": "image", "media_file": "picture.png"}},
    operation=operation(IDEMPOTENCY_KEY, body=form_body(StoreMedia, FILE)),
    options={"request_max_body_size": LARGEST + FORM_BYTES, "opt": {OWN_KEY: True}},
)
async def store_media(caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Store a file.

    Stores a file to be named by messages (`media_id`, `header_media_id`), the same content once. What may be sent as
    what is told at `POST /messages/media`.
    """
    async with received_values(request, {FILE: LARGEST}) as form:
        return await run_once(request, form.digest, functools.partial(_store, request, caller, form))


@MEDIA.get("/{media_id:str}", NotFound, tells="The file.")
async def get_media(media_id: FromPath[str], caller: MayReadMessages, request: ApiRequest) -> MediaItem:
    """Get a file's data.

    Also of files that people sent; `url` leads to the content.
    """
    stored = await files.get(request.resources.database, caller.tenant.id, read_id(media_id))
    return _item(request, caller, stored)


async def _store(request: ApiRequest, caller: Caller, form: Form) -> ASGIApp:
    problems = dict(form.problems)
    body: StoreMedia | None = None
    with Collecting(problems):
        body = read_values(StoreMedia, dict(form.fields))
    given = form.files.get(FILE)
    if (given is None) == (not form.fields.get("media_url")):
        problems.setdefault(FILE, ["Give either media_file or media_url"])
    if body is None or problems:
        raise ValidationFailed(problems)
    if given is not None:
        source = Source(FILE, body.media_type, file=given.file, filename=given.name)
    else:
        source = Source("media_url", body.media_type, url=body.media_url)
    stored = await files.keep(request.resources, caller.tenant.id, source)
    request.context.is_stored = True
    return success(request, _STORED, _item(request, caller, stored), status=201)


def _item(request: ApiRequest, caller: Caller, stored: StoredMedia) -> MediaItem:
    lifetime = dt.timedelta(seconds=request.resources.settings.media_url_seconds)
    return from_row(
        MediaItem,
        msgspec.structs.asdict(stored),
        media_type=stored.kind,
        url=signed_url(request.resources, caller.tenant.id, stored.id),
        url_expires_at=clock.now() + lifetime,
    )


HANDLERS = (store_media, get_media)
