"""Turning WebP images, which WhatsApp takes as stickers only, into what it takes as images."""

from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from rasl.services.ground.scratch import unstorable

MOST_PIXELS = 20_000_000  # what is unpacked in memory at once
_QUALITY = 90


class PictureError(Exception):
    """An image that cannot be converted; the text completes `The field …`."""


def convert_webp(source: BinaryIO, target: BinaryIO) -> str:
    """Write an image as JPEG, or as PNG where it is transparent, and return the new MIME type.

    Raises PictureError for what is no image, and ServiceUnavailable when the disk does not take it.
    """
    source.seek(0)
    try:
        with Image.open(source, formats=("WEBP",)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureError(f"must not have more than {MOST_PIXELS // 1_000_000} million pixels")
            picture.load()
            whole = picture.copy() if picture.mode == "RGBA" else picture.convert("RGB")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PictureError("cannot be read as an image") from None
    kind, options = ("PNG", {}) if whole.mode == "RGBA" else ("JPEG", {"quality": _QUALITY})
    try:
        whole.save(target, kind, **options)
        target.flush()
    except OSError as error:  # all of the image is in memory by now
        raise unstorable(error) from error
    return f"image/{kind.lower()}"
