"""Messages that are a file: from wherever it comes to what the message says."""

from typing import Any

from rasl.domain.media_formats import can_go_as
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.media import MEDIA_KINDS, Document
from rasl.errors import ValidationFailed
from rasl.services.ground.resources import Resources
from rasl.services.media.files import Source, keep


async def compose_media(
    resources: Resources,
    tenant_id: int,
    source: Source,
    caption: str | None = None,
    filename: str | None = None,
    *,
    is_rehearsal: bool = False,
) -> Content:
    """Store the file and return the message that shows it; raises ValidationFailed or NotFound.

    `filename` is the name that a document is shown under, when it is not its own.
    """
    stored = await keep(resources, tenant_id, source, is_rehearsal=is_rehearsal)
    kind = source.kind
    if source.media_id is not None and not can_go_as(kind, stored.mime_type, stored.size):
        raise ValidationFailed(
            {source.field: [f"The file cannot be sent as {kind}: it is {stored.mime_type}"]}
        )
    values: dict[str, Any] = {"media_id": stored.id}
    if kind == "audio":
        values["is_voice"] = stored.is_voice
    elif kind != "sticker":
        values["caption"] = caption
    if kind == Document.type_name:
        values["filename"] = filename or stored.filename
    return MEDIA_KINDS[kind](**values)
