"""Where the file of a message comes from, and having it stored."""

from typing import BinaryIO

import msgspec

from rasl.services.ground.resources import Resources
from rasl.services.media import files
from rasl.services.media.files import StoredMedia


class Source(msgspec.Struct, frozen=True):
    """An address, an upload, or our id of a stored file; `field` is what a request calls it."""

    field: str
    kind: str  # "" for an id, where the stored file tells
    url: str | None = None
    file: BinaryIO | None = None
    media_id: int | None = None
    filename: str | None = None


async def keep(
    resources: Resources, tenant_id: int, source: Source, *, is_rehearsal: bool = False
) -> StoredMedia:
    """Store a file, unless it is stored already or this is a rehearsal; raises ValidationFailed, or NotFound by id."""
    kind, field = source.kind, source.field
    if source.media_id is not None:
        return await files.get_to_send(resources, tenant_id, source.media_id)
    if source.file is not None:
        return await files.keep_file(
            resources, tenant_id, source.file, source.filename, kind, field, is_rehearsal=is_rehearsal
        )
    return await files.keep_url(
        resources, tenant_id, source.url or "", kind, field, is_rehearsal=is_rehearsal
    )
