"""Turning WebP images, which WhatsApp takes as stickers only, into what it takes as images."""

from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

MOST_PIXELS = 20_000_000  # what is unpacked in memory at once
_QUALITY = 90


class PictureError(Exception):
    """An image that cannot be converted; the text completes `The field …`."""


def convert_webp(source: BinaryIO, target: BinaryIO) -> str:
    """Write an image as JPEG, or as PNG where it is transparent, and return the new MIME type."""
    source.seek(0)
    try:
        with Image.open(source, formats=("WEBP",)) as picture:
            if picture.width * picture.height > MOST_PIXELS:
                raise PictureError(f"must not have more than {MOST_PIXELS // 1_000_000} million pixels")
            if picture.mode == "RGBA":
                picture.save(target, "PNG")
                return "image/png"
            picture.convert("RGB").save(target, "JPEG", quality=_QUALITY)
            return "image/jpeg"
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise PictureError("cannot be read as an image") from None
