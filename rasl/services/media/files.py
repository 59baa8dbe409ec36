"""Files: checked, stored once per tenant, and given to Meta once per number.

No transaction is open while bytes move. Every file is written once, under a key that is never used again: so a purge
that has dropped the row of a file may drop the file, whoever stores the same content meanwhile. A file that was
stored and got no row is found by the purge (`services/purging.py`).
"""

import asyncio
import contextlib
import datetime as dt
import functools
import os
from collections.abc import Sequence
from typing import BinaryIO

import msgspec

from rasl import ids
from rasl.db import media as rows
from rasl.db.media import NewMedia
from rasl.db.pool import Database, Row
from rasl.domain import media_formats
from rasl.domain.media_formats import Format, Unfit
from rasl.domain.tenants import Number
from rasl.errors import NotFound, ServiceUnavailable, ValidationFailed
from rasl.fetching.fetcher import FetchError
from rasl.graph.client import NotSent, Refused, SendOutcome, Uploaded, UploadOutcome
from rasl.graph.errors import classify
from rasl.media_store.base import MissingFile, StoreUnavailable
from rasl.services.ground.resources import Resources
from rasl.services.ground.scratch import CANNOT_STORE, digest_of, scratch_file
from rasl.services.media import pictures
from rasl.services.media.pictures import PictureError

URL_REUSE = dt.timedelta(minutes=10)  # as Meta does for links (cloud-api section 2.3)
# Meta keeps uploads for 30 days; a message may wait a day before it is sent.
UPLOAD_LIFETIME = dt.timedelta(days=28)
# What Meta answers to an id it does not know, or not any more; by code, because its wording changes.
_GONE = frozenset({100, 131009, 131053})
_KEY_LENGTH = 12  # random characters that make a key one of its own
_CANNOT_READ = "Files cannot be read right now"


class Source(msgspec.Struct, frozen=True):
    """Where a file comes from: an address, an upload, or our id of a stored one; `field` is what a request calls it."""

    field: str
    kind: str  # "" for an id, where the stored file tells
    url: str | None = None
    file: BinaryIO | None = None
    media_id: int | None = None
    filename: str | None = None


class StoredMedia(msgspec.Struct, frozen=True):
    """A file of a tenant; one that was only checked, for a dry run, has the id 0."""

    id: int
    kind: str
    mime_type: str
    size: int
    filename: str | None
    sha256: str
    is_voice: bool


_Landed = tuple[UploadOutcome, bool]  # and whether it was uploaded before


class Uploads(dict[int, str]):
    """Meta's ids by ours; `is_reused` says that one of them was uploaded for an earlier message."""

    is_reused: bool = False


class _Given(msgspec.Struct, frozen=True):
    """A file as it came: the field that named it, and from where."""

    file: BinaryIO
    name: str | None
    kind: str
    field: str
    origin: str


async def keep(
    resources: Resources, tenant_id: int, source: Source, *, is_rehearsal: bool = False
) -> StoredMedia:
    """Check a file by its content and store it, unless it is stored already or this is a rehearsal.

    Raises ValidationFailed with the reason, or NotFound for an id.
    """
    if source.media_id is not None:
        return await get_to_send(resources, tenant_id, source.media_id)
    if source.file is None:
        return await _keep_url(
            resources, tenant_id, source.url or "", source.kind, source.field, is_rehearsal
        )
    given = _Given(source.file, source.filename, source.kind, source.field, "file")
    return await _keep(resources, tenant_id, given, is_rehearsal)


async def _keep_url(
    resources: Resources, tenant_id: int, url: str, kind: str, field: str, is_rehearsal: bool
) -> StoredMedia:
    """Load what is at an address and keep it; one loaded within the last ten minutes is not loaded again."""
    digest = resources.sealer.digest(f"{kind} {url}", "media url")
    async with resources.database.connection() as db:
        known = await rows.find_url(db, tenant_id, digest, URL_REUSE)
    if known is not None:
        return _stored(known, kind)
    with scratch_file(resources.settings.data_dir) as file:
        try:
            fetched = await resources.fetcher.fetch(url, file, media_formats.MAX_BYTES[kind])
        except FetchError as error:
            raise ValidationFailed({field: [f"The {field} field {error}"]}) from None
        media = await _keep(
            resources, tenant_id, _Given(file, fetched.name, kind, field, "url"), is_rehearsal
        )
    if media.id:
        async with resources.database.connection() as db:
            await rows.keep_url(db, tenant_id, digest, media.id)
    return media


async def keep_received(
    resources: Resources, tenant_id: int, file: BinaryIO, filename: str | None, kind: str, mime_type: str
) -> StoredMedia:
    """Store what a person sent, whatever it is."""
    given = _Given(file, media_formats.clean_name(filename), kind, "file", "inbound")
    return await _store(resources, tenant_id, given, Format(mime_type))


async def get(database: Database, tenant_id: int, media_id: int) -> StoredMedia:
    """Return a file of the tenant; raises NotFound."""
    return _found(await find_row(database, tenant_id, media_id))


async def get_to_send(resources: Resources, tenant_id: int, media_id: int) -> StoredMedia:
    """Return a file of the tenant that Meta has or can be given; raises NotFound."""
    return _found(await find_stored(resources, tenant_id, media_id))


async def find_row(database: Database, tenant_id: int, media_id: int) -> Row | None:
    """Return everything about a file, or None."""
    async with database.connection() as db:
        return await rows.find(db, tenant_id, media_id)


async def find_stored(
    resources: Resources, tenant_id: int, media_id: int, *, is_read: bool = False
) -> Row | None:
    """Return everything about a file that is about to be sent; None when it, or its content, is not there."""
    async with resources.database.connection() as db:
        row = await rows.find_needed(db, tenant_id, media_id)
    if row is None or (row["is_uploaded"] and not is_read):
        return row
    try:
        return row if await resources.media_store.exists(row["store_key"]) else None
    except StoreUnavailable as error:
        raise ServiceUnavailable(_CANNOT_READ) from error


async def _keep(resources: Resources, tenant_id: int, given: _Given, is_rehearsal: bool) -> StoredMedia:
    given = msgspec.structs.replace(given, name=media_formats.clean_name(given.name))
    size = given.file.seek(0, os.SEEK_END)
    try:
        found = await asyncio.to_thread(
            media_formats.check,
            given.file,
            size,
            given.name,
            given.kind,
            is_named_by_caller=given.origin == "file",
        )
        if given.kind == "image" and found.mime_type == "image/webp":
            return await _keep_converted(resources, tenant_id, given, is_rehearsal)
    except (Unfit, PictureError) as error:
        raise ValidationFailed({given.field: [f"The {given.field} field {error}"]}) from None
    return await _store(resources, tenant_id, given, found, is_rehearsal=is_rehearsal)


async def _keep_converted(
    resources: Resources, tenant_id: int, given: _Given, is_rehearsal: bool
) -> StoredMedia:
    with scratch_file(resources.settings.data_dir) as target:
        async with resources.converting:
            mime_type = await asyncio.to_thread(pictures.convert_webp, given.file, target)
        if target.seek(0, os.SEEK_END) > media_formats.MAX_BYTES["image"]:
            raise Unfit("is too large as JPEG or PNG, which is how WhatsApp takes images")
        stem = (given.name or "image").rpartition(".")[0] or "image"
        name = media_formats.usual_name(mime_type, stem)
        converted = msgspec.structs.replace(given, file=target, name=name)
        return await _store(resources, tenant_id, converted, Format(mime_type), is_rehearsal=is_rehearsal)


async def _store(
    resources: Resources, tenant_id: int, given: _Given, found: Format, *, is_rehearsal: bool = False
) -> StoredMedia:
    size = given.file.seek(0, os.SEEK_END)
    digest = await asyncio.to_thread(digest_of, given.file)
    media = NewMedia(
        tenant_id=tenant_id,
        sha256=digest,
        mime_type=found.mime_type,
        kind=given.kind,
        size=size,
        filename=given.name,
        is_voice=found.is_voice,
        origin=given.origin,
        store_key=f"{tenant_id}/{digest.hex()[:2]}/{digest.hex()}-{ids.mint_random(_KEY_LENGTH)}",
    )
    media_id = 0 if is_rehearsal else await _put(resources, media, given.file)
    return StoredMedia(media_id, given.kind, found.mime_type, size, given.name, digest.hex(), found.is_voice)


async def _put(resources: Resources, media: NewMedia, file: BinaryIO) -> int:
    """Return the id of a file, storing it unless its content is there already."""
    async with resources.database.connection() as db:
        known = await rows.find_content(db, media.tenant_id, media.sha256, media.mime_type)
    try:
        if known is not None and await resources.media_store.exists(known["store_key"]):
            return int(known["id"])
        await resources.media_store.put(media.store_key, file)
        async with resources.database.connection() as db:
            kept = await rows.keep(db, media, known["store_key"] if known else None)
        if kept["store_key"] != media.store_key:  # somebody else was quicker
            with contextlib.suppress(StoreUnavailable):
                await resources.media_store.delete(media.store_key)
    except StoreUnavailable as error:
        raise ServiceUnavailable(CANNOT_STORE) from error
    return int(kept["id"])


def _found(row: Row | None) -> StoredMedia:
    if row is None:
        raise NotFound("Media not found")
    return _stored(row, row["kind"])


def _stored(row: Row, kind: str) -> StoredMedia:
    return StoredMedia(
        row["id"],
        kind,
        row["mime_type"],
        row["size"],
        row["filename"],
        row["sha256"].hex(),
        row["is_voice"],
    )


async def upload(
    resources: Resources, number: Number, tenant_id: int, media_ids: Sequence[int]
) -> Uploads | Refused | NotSent:
    """Return Meta's ids of files, uploading what the number has not uploaded lately.

    Whatever goes wrong, no message was sent: the answer is never ambiguous.
    """
    uploads = Uploads()
    for media_id in dict.fromkeys(media_ids):
        key = (tenant_id, media_id, number.id)
        # Sends of one file at the same moment share one upload.
        flight: asyncio.Task[_Landed] | None = resources.uploading.get(key)
        if flight is None:
            flight = asyncio.create_task(_upload_one(resources, number, tenant_id, media_id))
            resources.uploading[key] = flight
            flight.add_done_callback(functools.partial(_land, resources, key))
        outcome, is_reused = await asyncio.shield(flight)
        if not isinstance(outcome, Uploaded):
            return outcome
        uploads[media_id] = outcome.media_id
        uploads.is_reused |= is_reused
    return uploads


def _land(resources: Resources, key: tuple[int, int, int], _flight: object) -> None:
    resources.uploading.pop(key, None)


async def _upload_one(resources: Resources, number: Number, tenant_id: int, media_id: int) -> _Landed:
    try:
        async with resources.database.connection() as db:
            known = await rows.find_upload(db, tenant_id, media_id, number.id)
            row = None if known else await rows.find(db, tenant_id, media_id)
        if known is not None:
            return Uploaded(known), True
        if row is None or not await resources.media_store.exists(row["store_key"]):
            return _file_is_gone(), False
        outcome = await _give_to_meta(resources, number, row)
        if not isinstance(outcome, Uploaded):
            return outcome, False
        async with resources.database.connection() as db:
            kept = await rows.keep_upload(
                db, tenant_id, media_id, number.id, outcome.media_id, UPLOAD_LIFETIME
            )
        return Uploaded(kept), False
    except MissingFile:
        return _file_is_gone(), False
    except (ServiceUnavailable, StoreUnavailable) as error:
        return NotSent(f"the file could not be read: {type(error).__name__}"), False


def _file_is_gone() -> Refused:
    return Refused(classify(404, None, title="The file is gone from the store"), None)


async def _give_to_meta(resources: Resources, number: Number, row: Row) -> UploadOutcome:
    mime_type = media_formats.meta_type(row["mime_type"])
    name = media_formats.true_name(row["filename"], row["mime_type"], "file")
    async with resources.upload_places:
        return await resources.graph.upload_media(
            number.phone_number_id,
            number.access_token,
            resources.media_store.stream(row["store_key"]),
            row["size"],
            mime_type,
            name,
        )


def is_gone(outcome: SendOutcome) -> bool:
    """Tell whether Meta may have refused a message because it does not have the file any more."""
    return isinstance(outcome, Refused) and outcome.failure.code in _GONE


async def forget_uploads(resources: Resources, number: Number, tenant_id: int, uploads: Uploads) -> None:
    """Forget Meta's ids, so that the files are uploaded again."""
    async with resources.database.connection() as db:
        await rows.forget_uploads(db, tenant_id, number.id, uploads)
