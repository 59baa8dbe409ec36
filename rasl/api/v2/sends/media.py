"""POST /messages/media and /messages/sticker (api-v2 section 3.2)."""

import functools
from typing import Any

from litestar.params import JSONBody
from litestar.types import ASGIApp

from rasl.api.caller import MaySendMessages
from rasl.api.v2.sends.answering import answer_again, send
from rasl.api.v2.sends.documented import Sent, sends
from rasl.api.v2.sends.media_body import (
    SendMedia,
    SendSticker,
    media_problems,
    read_recipient,
    source_of,
    sticker_problems,
)
from rasl.domain.message_types.base import Content
from rasl.domain.tenants import Caller
from rasl.services.composing.media import compose_media
from rasl.services.media.links import signed_url
from rasl.web.request import ApiRequest

_SENT: dict[str, Any] = {
    "media_type": "document",
    "media_url": "https://wa.example.test/media/AAAAAAAAAAEAAAAAAAAABw…",
    "caption": "Your invoice",
    "filename": "invoice-1044.pdf",
}


class SentMedia(Sent):
    """A media message as it stands when the request is answered."""

    media_type: str
    media_url: str | None
    caption: str | None
    filename: str | None


@sends(
    "/messages/media",
    SentMedia,
    _SENT,
    examples={
        "file": {"phone": "+442079460011", "media_type": "image", "media_file": "picture.png"},
        "stored_file": {
            "phone": "+442079460011",
            "media_type": "image",
            "media_id": 12,
            "caption": "Your parcel",
        },
    },
    check=media_problems,
)
async def send_media(data: JSONBody[SendMedia], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send an image, document, video, sound or sticker.

    Sends a file: `media_file` of a form, or `media_url`, or the `media_id` of one stored before.
    What counts is the content of the file, not its name. It is stored once, given to WhatsApp once in 28 days, and
    `media_url` of the answer leads to it for a while. In a form, `contact[email]` and `contact.email` are the same.

    | media_type | extensions | at most |
    | --- | --- | --- |
    | image | jpg jpeg png webp | 5 MB |
    | document | pdf doc docx xls xlsx ppt pptx txt csv | 100 MB |
    | video | mp4 3gp | 16 MB |
    | audio | mp3 ogg amr aac opus | 16 MB |
    | sticker | webp | 100 KB, animated 500 KB |
    """
    return await _send(request, caller, data)


@sends(
    "/messages/sticker",
    SentMedia,
    _SENT | {"media_type": "sticker", "caption": None, "filename": None},
    examples={"file": {"phone": "+442079460011", "media_file": "sticker.webp"}},
    check=sticker_problems,
)
async def send_sticker(data: JSONBody[SendSticker], caller: MaySendMessages, request: ApiRequest) -> ASGIApp:
    """Send a sticker.

    Sends a WebP picture of 512 by 512 pixels as a sticker, at most 100 KB, or 500 KB if it is animated.
    """
    return await _send(request, caller, data)


async def _send(request: ApiRequest, caller: Caller, body: SendSticker) -> ASGIApp:
    describe = functools.partial(_described, request, caller)
    if again := await answer_again(request, caller, describe):
        return again
    addressed, profile = await read_recipient(request, caller, body)
    content = await compose_media(
        request.resources,
        caller.tenant.id,
        source_of(body),
        getattr(body, "caption", None),
        getattr(body, "filename", None),
        is_rehearsal=body.dry_run,
    )
    return await send(request, caller, body, content, describe, profile, addressed=addressed)


def _described(request: ApiRequest, caller: Caller, content: Content) -> dict[str, Any]:
    (media_id,) = content.media_ids()
    return {
        "media_type": content.type_name,
        "media_url": signed_url(request.resources, caller.tenant.id, media_id),
        "caption": getattr(content, "caption", None),
        "filename": getattr(content, "filename", None),
    }
