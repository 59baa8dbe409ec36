"""Image, video, document, audio and sticker messages."""

from typing import Any

from rasl.simulator.errors import invalid, refusal
from rasl.simulator.store import Number
from rasl.simulator.validation.rules import (
    Json,
    known_keys,
    optional_flag,
    optional_text,
    required_object,
    required_text,
)

_CAPTION = 1024
_REFERENCE = frozenset({"id", "link", "provider"})


def check_source(media: Json, path: str) -> None:
    """Exactly one of an uploaded id and an http(s) link."""
    given = [key for key in ("id", "link") if media.get(key)]
    if not given:
        raise invalid("Invalid parameter", f"Either one of media ID or link must be present in {path}")
    if len(given) == 2:
        raise invalid("Invalid parameter", f"Only one of media ID or link can be present in {path}")
    if given == ["link"]:
        link = required_text(media["link"], f"{path}['link']")
        if not link.startswith(("http://", "https://")):
            raise refusal(131009, f"Param {path}['link'] is not a valid URI.")
    elif not str(media["id"]).isdigit():
        raise invalid(
            "Invalid parameter", f"Param {path}['id'] is not a valid whatsapp business account media id"
        )


def _check(content: Any, kind: str, *extra: str) -> Json:
    media = required_object(content, kind)
    known_keys(media, kind, _REFERENCE.union(extra))
    check_source(media, kind)
    optional_text(media.get("caption"), f"{kind}['caption']", _CAPTION)
    return media


def check_image(content: Any, _number: Number) -> None:
    """A source and an optional caption."""
    _check(content, "image", "caption")


def check_video(content: Any, _number: Number) -> None:
    """A source and an optional caption."""
    _check(content, "video", "caption")


def check_document(content: Any, _number: Number) -> None:
    """A source, an optional caption and an optional file name."""
    media = _check(content, "document", "caption", "filename")
    optional_text(media.get("filename"), "document['filename']")


def check_audio(content: Any, _number: Number) -> None:
    """A source and whether it is a voice message; no caption."""
    media = _check(content, "audio", "voice")
    optional_flag(media.get("voice"), "audio['voice']")


def check_sticker(content: Any, _number: Number) -> None:
    """A source and nothing else."""
    _check(content, "sticker")
