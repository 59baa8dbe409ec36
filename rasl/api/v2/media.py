"""Files: stored once, to be named by messages (additive to api-v2)."""

import datetime as dt
from collections.abc import Set
from typing import ClassVar

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl import clock
from rasl.api.caller import MayReadMessages, MaySendMessages
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import IDEMPOTENCY_KEY, operation
from rasl.api.v2.sends.media_body import (
    FILE,
    MEDIA_TYPE_MESSAGES,
    MediaFile,
    MediaType,
    MediaUrl,
    media_problems,
    upload_source,
)
from rasl.domain.tenants import Caller
from rasl.domain.validation import Body, read_id
from rasl.errors import NotFound
from rasl.services.media import files
from rasl.services.media.files import Source, StoredMedia
from rasl.services.media.links import signed_url
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

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
    media_file: MediaFile | None = None
    media_url: MediaUrl | None = None

    messages: ClassVar[dict[tuple[str, str], str]] = MEDIA_TYPE_MESSAGES

    @classmethod
    def missing(cls, given: Set[str]) -> dict[str, list[str]]:
        """Require one file."""
        return (
            {} if len(given & {FILE, "media_url"}) == 1 else {FILE: ["Give either media_file or media_url"]}
        )


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
    NotFound,
    says=_STORED,
    tells="Stored.",
    asks={"file": {"media_type": "image", "media_file": "picture.png"}},
    operation=operation(IDEMPOTENCY_KEY),
    also=media_problems,
)
async def store_media(data: JSONBody[StoreMedia], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Store a file.

    Stores a file to be named by messages (`media_id`, `header_media_id`), the same content once. What may be sent as
    what is told at `POST /messages/media`.
    """
    if data.media_file is not None:
        source = upload_source(data.media_file, data.media_type)
    else:
        source = Source("media_url", data.media_type, url=data.media_url)
    stored = await files.keep(request.resources, caller.tenant.id, source)
    request.context.is_stored = True
    return success(request, _STORED, _item(request, caller, stored), status=201)


@MEDIA.get("/{media_id:str}", NotFound, tells="The file.")
async def get_media(media_id: FromPath[str], caller: MayReadMessages, request: ApiRequest) -> MediaItem:
    """Get a file's data.

    Also of files that people sent; `url` leads to the content.
    """
    stored = await files.get(request.resources.database, caller.tenant.id, read_id(media_id))
    return _item(request, caller, stored)


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
