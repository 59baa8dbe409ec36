"""Image, video, document, audio and sticker messages."""

from collections.abc import Iterator
from typing import Any

from metasim.errors import invalid, refusal
from metasim.validation.rules import (
    Json,
    known_keys,
    optional_flag,
    optional_text,
    required_object,
    required_text,
)
from metasim.validation.scene import Scene

_CAPTION = 1024
_REFERENCE = frozenset({"id", "link", "provider"})
MIME_TYPES = {
    "audio": ("audio/aac", "audio/mp4", "audio/mpeg", "audio/amr", "audio/ogg"),
    "image": ("image/jpeg", "image/png"),
    "sticker": ("image/webp",),
    "video": ("video/3gpp", "video/mp4"),
}
_STATIC_STICKER = 100 * 1024
_ANIMATED = 0x02


def check_source(media: Json, path: str, scene: Scene) -> None:
    """Exactly one of an uploaded id and an http(s) link."""
    given = [key for key in ("id", "link") if media.get(key)]
    if not given:
        raise invalid("Invalid parameter", f"Either one of media ID or link must be present in {path}")
    if len(given) == 2:
        raise invalid("Invalid parameter", f"Only one of media ID or link can be present in {path}")
    if given == ["link"]:
        link = required_text(media["link"], f"{path}['link']")
        if not link.startswith(("http://", "https://")):
            raise invalid(f"Param {path}['link'] is not a valid URI.")
        return
    check_media_id(media["id"], path, scene)


def check_media_id(media_id: Any, path: str, scene: Scene) -> None:
    """An id of a file this account uploaded or received, not expired."""
    is_known = scene.media(media_id) is not None if scene.config.check_media_ids else str(media_id).isdigit()
    if is_known:
        return
    text = f"Param {path}['id'] is not a valid whatsapp business account media attachment ID"
    if scene.config.unknown_media_code == 100:
        raise invalid(text)
    raise refusal(131009, text)


def upload_failure(kind: str, content: Any, scene: Scene) -> str | None:
    """Why an accepted message fails with 131053 afterwards, or nothing."""
    errors = (_upload_error(name, media, scene) for name, media in _sources(kind, content))
    return next((error for error in errors if error is not None), None)


def _sources(kind: str, content: Any) -> Iterator[tuple[str, Any]]:
    """The files of a message by what they are used as: its own, or those of its headers."""
    if kind in MIME_TYPES:
        yield kind, content
    elif kind == "interactive":
        cards = (content.get("action") or {}).get("cards") or []
        for header in (content.get("header"), *(card.get("header") for card in cards)):
            if header:
                yield str(header.get("type")), header.get(str(header.get("type")))
    elif kind == "template":
        yield from _header_files(content.get("components") or [])


def _header_files(components: list[Json]) -> Iterator[tuple[str, Any]]:
    for component in components:
        for card in component.get("cards") or []:
            yield from _header_files(card.get("components") or [])
        for parameter in component.get("parameters") or []:
            name = str(parameter.get("type", "")).lower()
            yield name, parameter.get(name)


def _upload_error(kind: str, content: Any, scene: Scene) -> str | None:
    known = MIME_TYPES.get(kind)
    media = scene.media(content["id"]) if isinstance(content, dict) and content.get("id") else None
    if media is None or known is None:
        return None
    if media.mime_type.partition(";")[0] not in known:
        return (
            f"Unsupported {kind.capitalize()} mime type {media.mime_type}."
            f" Please use one of {', '.join(known)}."
        )
    if kind == "audio" and content.get("voice") is True and not media.mime_type.startswith("audio/ogg"):
        return f"Unsupported Audio mime type {media.mime_type}. Please use one of audio/ogg."
    if kind == "sticker" and media.blob.size > _STATIC_STICKER and not _is_animated(media.blob.pieces(0, 32)):
        return f"Sticker size is too large: static stickers must be at most {_STATIC_STICKER} bytes."
    return None


def _is_animated(pieces: Any) -> bool:
    head = b"".join(pieces)
    return head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _ANIMATED)


def _check(content: Any, kind: str, scene: Scene, *extra: str) -> Json:
    media = required_object(content, kind)
    known_keys(media, kind, _REFERENCE.union(extra))
    check_source(media, kind, scene)
    optional_text(media.get("caption"), f"{kind}['caption']", _CAPTION)
    return media


def check_image(content: Any, scene: Scene) -> None:
    """A source and an optional caption."""
    _check(content, "image", scene, "caption")


def check_video(content: Any, scene: Scene) -> None:
    """A source and an optional caption."""
    _check(content, "video", scene, "caption")


def check_document(content: Any, scene: Scene) -> None:
    """A source, an optional caption and an optional file name."""
    media = _check(content, "document", scene, "caption", "filename")
    optional_text(media.get("filename"), "document['filename']")


def check_audio(content: Any, scene: Scene) -> None:
    """A source and whether it is a voice message; no caption."""
    media = _check(content, "audio", scene, "voice")
    optional_flag(media.get("voice"), "audio['voice']")


def check_sticker(content: Any, scene: Scene) -> None:
    """A source and nothing else."""
    _check(content, "sticker", scene)
