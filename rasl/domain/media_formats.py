"""Which files may be sent as what: extensions, sizes and contents (api-v2 section 3.2, cloud-api section 3)."""

import re
from typing import BinaryIO

import msgspec

from rasl.domain.sniffing import OFFICE_FORMATS, Sniffed, sniff

_KB = 1024
_MB = 1024 * 1024
EXTENSIONS = {
    "image": ("jpg", "jpeg", "png", "webp"),
    "document": ("pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "txt", "csv"),
    "video": ("mp4", "3gp"),
    "audio": ("mp3", "ogg", "amr", "aac", "opus"),
    "sticker": ("webp",),
}
MAX_BYTES = {
    "image": 5 * _MB,
    "document": 100 * _MB,
    "video": 16 * _MB,
    "audio": 16 * _MB,
    "sticker": 500 * _KB,
}
MAX_STATIC_STICKER = 100 * _KB
LARGEST = max(MAX_BYTES.values())
_LONGEST_NAME = 255
_TYPES = {
    "image": ("image/jpeg", "image/png"),
    "video": ("video/mp4", "video/3gpp"),
    "audio": ("audio/",),
    "sticker": ("image/webp",),
}
# What Meta is told where it does not know our name of the type.
_META_TYPES = {"text/csv": "text/plain"}
# The usual extension first; a file that is named by another one of its kind keeps that.
_EXTENSIONS_OF = {
    "image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/webp": ("webp",), "video/mp4": ("mp4",),
    "video/3gpp": ("3gp",), "audio/mpeg": ("mp3",), "audio/ogg": ("ogg",), "audio/amr": ("amr",),
    "audio/aac": ("aac",), "audio/mp4": ("m4a",), "text/plain": ("txt",), "text/csv": ("csv",),
    "application/pdf": ("pdf",), **{office.mime_type: office.extensions for office in OFFICE_FORMATS},
}  # fmt: skip


class Format(msgspec.Struct, frozen=True):
    """A file that may be sent: its MIME type, and whether it can go out as a voice message."""

    mime_type: str
    is_voice: bool = False


class Unfit(Exception):
    """A file that cannot be sent as what it was given for; the text completes `The field …`."""


def check(
    file: BinaryIO, size: int, name: str | None, kind: str, *, is_named_by_caller: bool = True
) -> Format:
    """Return the format of a file by its content; raises Unfit.

    The name of a file that was loaded from an address says little: what is no extension at all is passed over there.
    """
    if not size:
        raise Unfit("is empty")
    extension = extension_of(name)
    if extension and extension not in EXTENSIONS[kind]:
        if is_named_by_caller or any(extension in known for known in EXTENSIONS.values()):
            raise Unfit(f"must be a file of type: {', '.join(EXTENSIONS[kind])}")
        extension = None
    if size > MAX_BYTES[kind]:
        raise Unfit(f"must not be larger than {in_words(MAX_BYTES[kind])}")
    sniffed = sniff(file, size)
    if sniffed is None or not set(sniffed.extensions) & set(EXTENSIONS[kind]):
        raise Unfit(f"does not hold what it should: {_expected(extension, kind)}")
    if extension and extension not in sniffed.extensions:
        raise Unfit(f"is named .{extension} but holds {sniffed.mime_type}")
    if sniffed.is_web_page and not is_named_by_caller:
        raise Unfit("leads to a web page, not to a file")
    return _format(sniffed, extension, size, kind)


def _format(sniffed: Sniffed, extension: str | None, size: int, kind: str) -> Format:
    if kind == "sticker" and not sniffed.is_animated and size > MAX_STATIC_STICKER:
        raise Unfit(f"must not be larger than {in_words(MAX_STATIC_STICKER)}, unless it is animated")
    if kind == "image" and sniffed.is_animated:
        raise Unfit("must not be animated; send it as a sticker")
    return Format("text/csv" if extension == "csv" else sniffed.mime_type, sniffed.is_voice)


def _expected(extension: str | None, kind: str) -> str:
    if extension in {"ogg", "opus"}:
        return "OGG with the OPUS codec"
    return f"a {extension} file" if extension else f"a file of type {', '.join(EXTENSIONS[kind])}"


def meta_type(mime_type: str) -> str:
    """Return the MIME type under which Meta takes a file."""
    return _META_TYPES.get(mime_type, mime_type)


def can_go_as(kind: str, mime_type: str, size: int) -> bool:
    """Tell whether a file that is stored already may be sent as a kind; a document may be anything."""
    is_fit = kind == "document" or any(mime_type.startswith(start) for start in _TYPES[kind])
    return is_fit and size <= MAX_BYTES[kind]


def extension_of(name: str | None) -> str | None:
    """Return the extension of a file's name in lower case, without the dot."""
    stem, dot, extension = (name or "").rpartition(".")
    return extension.lower() if dot and stem and re.fullmatch(r"[A-Za-z0-9]{1,5}", extension) else None


def clean_name(name: str | None) -> str | None:
    """Keep the last part of a file's name, whatever system it comes from, without what cannot be shown."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(character for character in last if character.isprintable()).strip(" .")
    return shown[-_LONGEST_NAME:] or None


def usual_name(mime_type: str, stem: str) -> str:
    """Return a name for a file that came without one."""
    known = _extensions_of(mime_type)
    return f"{stem}.{known[0]}" if known else stem


def true_name(name: str | None, mime_type: str, stem: str) -> str:
    """Return a file's name with an extension of its kind, whatever it was called before.

    Meta looks at the extension as well as at the type: a voice message has to be `.ogg` there.
    """
    if not name:
        return usual_name(mime_type, stem)
    extension = extension_of(name)
    known = _extensions_of(mime_type)
    if not known or extension in known:
        return name
    is_of_a_kind = any(extension in extensions for extensions in EXTENSIONS.values())
    return usual_name(mime_type, name.rpartition(".")[0] if is_of_a_kind else name)


def _extensions_of(mime_type: str) -> tuple[str, ...]:
    return _EXTENSIONS_OF.get(mime_type.partition(";")[0].strip().lower(), ())


def in_words(size: int) -> str:
    """Write a limit as people do: 5 MB, 500 KB."""
    return f"{size // _MB} MB" if size >= _MB else f"{size // _KB} KB"
