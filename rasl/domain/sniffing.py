"""What a file is, told by its content alone.

Only what WhatsApp takes is known here: of such a short list each format can be asked for more than its first bytes
(which office program, which codec, whether a sticker moves), which libraries for all formats do not tell.
"""

import struct
from typing import BinaryIO

import msgspec


class Sniffed(msgspec.Struct, frozen=True):
    """A format: its MIME type, and the extensions that a file of it may have, the usual one first."""

    mime_type: str
    extensions: tuple[str, ...]
    is_voice: bool = False
    is_animated: bool = False
    is_web_page: bool = False


_HEAD = 4096
_SAMPLE = 64 * 1024
_LARGEST_DIRECTORY = 1024 * 1024  # of a zip archive: office files have a few kilobytes
_ZIP_END = struct.Struct("<4s4H2LH")
_ZIP_ENTRY = struct.Struct("<4s6H3L5H2L")
_OFFICE = "application/vnd.openxmlformats-officedocument"
_OFFICE_FOLDERS = {
    "word/": Sniffed(f"{_OFFICE}.wordprocessingml.document", ("docx",)),
    "xl/": Sniffed(f"{_OFFICE}.spreadsheetml.sheet", ("xlsx",)),
    "ppt/": Sniffed(f"{_OFFICE}.presentationml.presentation", ("pptx",)),
}
_OLE_STREAMS = {
    "WordDocument": Sniffed("application/msword", ("doc",)),
    "Workbook": Sniffed("application/vnd.ms-excel", ("xls",)),
    "Book": Sniffed("application/vnd.ms-excel", ("xls",)),
    "PowerPoint Document": Sniffed("application/vnd.ms-powerpoint", ("ppt",)),
}
OFFICE_FORMATS = (*_OFFICE_FOLDERS.values(), *_OLE_STREAMS.values())
_OLE_START = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_SECTORS = 64  # of the directory that are looked at
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body", b"<script")
_ANIMATED = 0x02
_TEXT_CONTROLS = frozenset(b"\t\n\r\f\x1b")
_BINARY_BYTES = bytes(byte for byte in range(32) if byte not in _TEXT_CONTROLS) + b"\x7f"


def sniff(file: BinaryIO, size: int) -> Sniffed | None:
    """Return what the file is, None for anything that WhatsApp would not take."""
    file.seek(0)
    head = file.read(_HEAD)
    return (
        _image(head) or _sound_or_film(file, head) or _document(file, head, size) or _text(file, head, size)
    )


def _image(head: bytes) -> Sniffed | None:
    if head.startswith(b"\xff\xd8\xff"):
        return Sniffed("image/jpeg", ("jpg", "jpeg"))
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return Sniffed("image/png", ("png",))
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        is_animated = head[12:16] == b"VP8X" and len(head) > 20 and bool(head[20] & _ANIMATED)
        return Sniffed("image/webp", ("webp",), is_animated=is_animated)
    return None


def _sound_or_film(file: BinaryIO, head: bytes) -> Sniffed | None:
    if head[4:8] == b"ftyp":
        return _iso_media(head[8:12])
    if head.startswith(b"OggS"):
        return _ogg(head)
    if head.startswith(b"#!AMR"):
        return Sniffed("audio/amr", ("amr",))
    if head.startswith(b"ID3") and len(head) >= 10:
        # Seven bits of each byte count.
        length = sum((byte & 0x7F) << shift for byte, shift in zip(head[6:10], (21, 14, 7, 0), strict=True))
        file.seek(10 + length)
        head = file.read(4)
    return _frame(head)


def _frame(head: bytes) -> Sniffed | None:
    """Read the header of an MPEG audio frame: eleven bits set, then version and layer."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    layer = head[1] >> 1 & 3
    if layer == 0 and head[1] & 0xF0 == 0xF0:
        return Sniffed("audio/aac", ("aac",))
    is_possible = head[2] >> 4 != 0xF and head[2] >> 2 & 3 != 3 and head[1] >> 3 & 3 != 1
    return Sniffed("audio/mpeg", ("mp3",)) if layer == 1 and is_possible else None


def _iso_media(brand: bytes) -> Sniffed | None:
    if brand in {b"M4A ", b"M4B "}:
        return Sniffed("audio/mp4", ("aac",))
    if brand.startswith((b"3gp", b"3g2")):
        return Sniffed("video/3gpp", ("3gp", "mp4"))
    if brand in {b"heic", b"heix", b"mif1", b"avif", b"crx ", b"qt  "}:
        return None
    return Sniffed("video/mp4", ("mp4", "3gp"))


def _ogg(head: bytes) -> Sniffed | None:
    """Take OPUS only: WhatsApp plays nothing else in OGG; one channel is what voice messages need."""
    start = head.find(b"OpusHead", 0, 512)
    if start < 0 or len(head) < start + 10:
        return None
    return Sniffed("audio/ogg", ("ogg", "opus"), is_voice=head[start + 9] == 1)


def _document(file: BinaryIO, head: bytes, size: int) -> Sniffed | None:
    if b"%PDF-" in head[:1024]:
        return Sniffed("application/pdf", ("pdf",))
    if head.startswith(b"PK\x03\x04"):
        names = _zip_names(file, size)
        if "[Content_Types].xml" in names:
            for folder, found in _OFFICE_FOLDERS.items():
                if any(name.startswith(folder) for name in names):
                    return found
    if head.startswith(_OLE_START):
        return next((_OLE_STREAMS[name] for name in _ole_names(file, head) if name in _OLE_STREAMS), None)
    return None


def _zip_names(file: BinaryIO, size: int) -> set[str]:
    """Return the names in an archive's directory, reading no more of it than an office file needs."""
    tail_length = min(size, 65_557)
    file.seek(size - tail_length)
    tail = file.read(tail_length)
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or len(tail) - place < _ZIP_END.size:
        return set()
    *_, length, offset, _ = _ZIP_END.unpack_from(tail, place)
    if length > _LARGEST_DIRECTORY:
        return set()
    file.seek(offset)
    directory = file.read(length)
    names, place = set(), 0
    while place + _ZIP_ENTRY.size <= len(directory):
        entry = _ZIP_ENTRY.unpack_from(directory, place)
        if entry[0] != b"PK\x01\x02":
            break
        name_length, extra_length, comment_length = entry[10:13]
        place += _ZIP_ENTRY.size
        names.add(directory[place : place + name_length].decode("utf-8", "replace"))
        place += name_length + extra_length + comment_length
    return names


def _ole_names(file: BinaryIO, head: bytes) -> list[str]:
    """Return the names of streams in the directory of an old office file, as far as it lies in one piece."""
    if len(head) < 52:
        return []
    shift, (first,) = head[30], struct.unpack_from("<L", head, 48)
    if shift not in {9, 12}:
        return []
    file.seek((first + 1) << shift)
    directory = file.read(_OLE_SECTORS << shift)
    names = []
    for place in range(0, len(directory) - 127, 128):
        length = int.from_bytes(directory[place + 64 : place + 66], "little")
        if 2 < length <= 64:
            names.append(directory[place : place + length - 2].decode("utf-16-le", "replace"))
    return names


def _text(file: BinaryIO, head: bytes, size: int) -> Sniffed | None:
    """Take what holds nothing but characters, in UTF-8, UTF-16 with a byte order mark, or an old one-byte encoding.

    In UTF-16 every byte can be part of a character, so there is nothing to look for.
    """
    if not head:
        return None
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    places = {0, max(0, size // 2 - _SAMPLE // 2), max(0, size - _SAMPLE)}
    for place in () if is_wide else places:
        file.seek(place)
        sample = file.read(_SAMPLE)
        if len(sample.translate(None, _BINARY_BYTES)) != len(sample):
            return None
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return Sniffed("text/plain", ("txt", "csv"), is_web_page=start.startswith(_HTML))
