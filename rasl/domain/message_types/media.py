"""Messages that are a file: image, video, document, audio and sticker (cloud-api section 2.3)."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rasl.domain.message_types.base import Content, TextRule, present

MAX_CAPTION = 1024
MAX_FILENAME = 255


class _Media(Content, frozen=True):
    """A file of ours, by our id."""

    media_id: int

    def preview(self) -> str:
        """Return what people read beside the file: nothing, unless the type has more."""
        return ""

    def media_ids(self) -> tuple[int, ...]:
        """Return the one file."""
        return (self.media_id,)

    def graph_fields(self, uploaded: Mapping[int, str]) -> dict[str, Any]:
        """Return the object named like the type, with Meta's id of the file."""
        own = {"id": uploaded[self.media_id], **self._own_fields()}
        return {"type": self.type_name, self.type_name: own}

    def _own_fields(self) -> dict[str, Any]:
        return {}


class _Captioned(_Media, frozen=True):
    """A file with a text under it."""

    caption: str | None = None

    texts: ClassVar[Mapping[str, TextRule]] = {"caption": TextRule(MAX_CAPTION)}

    def preview(self) -> str:
        """Return the caption."""
        return self.caption or ""

    def _own_fields(self) -> dict[str, Any]:
        return present(caption=self.caption)


class Image(_Captioned, frozen=True):
    """An image."""

    type_name: ClassVar[str] = "image"


class Video(_Captioned, frozen=True):
    """A video."""

    type_name: ClassVar[str] = "video"


class Document(_Captioned, frozen=True):
    """A document; its name decides which icon WhatsApp shows."""

    filename: str | None = None

    type_name: ClassVar[str] = "document"

    def preview(self) -> str:
        """Return the caption, or the name."""
        return self.caption or self.filename or ""

    def _own_fields(self) -> dict[str, Any]:
        return present(caption=self.caption, filename=self.filename)


class Audio(_Media, frozen=True):
    """A sound; a voice message plays in place and must be OGG with the OPUS codec."""

    is_voice: bool = False

    type_name: ClassVar[str] = "audio"

    def _own_fields(self) -> dict[str, Any]:
        return {"voice": True} if self.is_voice else {}


class Sticker(_Media, frozen=True):
    """A sticker."""

    type_name: ClassVar[str] = "sticker"


MEDIA_KINDS: dict[str, type[Image | Video | Document | Audio | Sticker]] = {
    kind.type_name: kind for kind in (Image, Video, Document, Audio, Sticker)
}
