"""Small files of every format, made here; and what is none of them."""

import io
import struct
import zipfile

from PIL import Image

OGG_HEAD = b"OggS\x00\x02" + bytes(8) + b"\x01\x00\x00\x00" + bytes(8) + b"\x01\x13"


def picture(kind: str, size: int = 8, mode: str = "RGB", color: int = 0) -> bytes:
    """A plain picture."""
    target = io.BytesIO()
    Image.new(mode, (size, size), (color,) * len(mode)).save(target, kind)
    return target.getvalue()


def animation() -> bytes:
    """A WebP that moves."""
    target = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), (step, 0, 0)) for step in (0, 255)]
    frames[0].save(target, "WEBP", save_all=True, append_images=frames[1:], duration=100)
    return target.getvalue()


def office(folder: str) -> bytes:
    """A modern office file as far as its directory goes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(f"{folder}/document.xml", "<x/>")
    return target.getvalue()


def old_office(stream: str) -> bytes:
    """An old office file as far as its directory goes."""
    head = bytearray(512)
    head[:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    head[30] = 9
    head[48:52] = struct.pack("<L", 0)
    directory = bytearray()
    for name in ("Root Entry", stream):
        entry = bytearray(128)
        text = name.encode("utf-16-le") + b"\x00\x00"
        entry[: len(text)] = text
        entry[64:66] = struct.pack("<H", len(text))
        directory += entry
    return bytes(head + directory.ljust(512, b"\x00"))


def opus(channels: int = 1) -> bytes:
    """The beginning of an OGG file with the OPUS codec."""
    return OGG_HEAD + b"OpusHead\x01" + bytes([channels]) + bytes(30)


def film(brand: bytes = b"isom") -> bytes:
    """The beginning of an MP4 or 3GP file."""
    return b"\x00\x00\x00\x18ftyp" + brand + bytes(4) + b"isommp42" + bytes(64)


PNG = picture("PNG")
JPEG = picture("JPEG")
WEBP = picture("WEBP")
PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10) + b"\xff\xfb\x90\x64" + bytes(100)
BARE_MP3 = b"\xff\xfb\x90\x64" + bytes(100)
AAC = b"\xff\xf1\x50\x80" + bytes(100)
AMR = b"#!AMR\n" + bytes(32)
VORBIS = OGG_HEAD + b"\x01vorbis" + bytes(30)
ELF = b"\x7fELF\x02\x01\x01" + bytes(200)
EXE = b"MZ\x90\x00" + bytes(200)
HTML = b"<!DOCTYPE html><html><body>Not found</body></html>"
CSV = "name,phone\nZoë,+44\n".encode()
ZIP_OF_OTHERS = office("other")

GOOD: tuple[tuple[str, str, bytes, str], ...] = (
    ("image", "a.png", PNG, "image/png"),
    ("image", "a.JPG", JPEG, "image/jpeg"),
    ("image", "a.jpeg", JPEG, "image/jpeg"),
    ("image", "a.webp", WEBP, "image/webp"),
    ("sticker", "a.webp", WEBP, "image/webp"),
    ("sticker", "a.webp", animation(), "image/webp"),
    ("document", "a.pdf", PDF, "application/pdf"),
    ("document", "a.docx", office("word"), "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("document", "a.xlsx", office("xl"), "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("document", "a.pptx", office("ppt"), "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("document", "a.doc", old_office("WordDocument"), "application/msword"),
    ("document", "a.xls", old_office("Workbook"), "application/vnd.ms-excel"),
    ("document", "a.ppt", old_office("PowerPoint Document"), "application/vnd.ms-powerpoint"),
    ("document", "a.txt", "Grüße\n".encode(), "text/plain"),
    ("document", "a.txt", "Grüße\n".encode("latin-1"), "text/plain"),
    ("document", "a.txt", "Grüße\n".encode("utf-16"), "text/plain"),
    ("document", "a.csv", CSV, "text/csv"),
    ("video", "a.mp4", film(), "video/mp4"),
    ("video", "a.3gp", film(b"3gp4"), "video/3gpp"),
    ("audio", "a.mp3", MP3, "audio/mpeg"),
    ("audio", "a.mp3", BARE_MP3, "audio/mpeg"),
    ("audio", "a.ogg", opus(), "audio/ogg"),
    ("audio", "a.opus", opus(2), "audio/ogg"),
    ("audio", "a.amr", AMR, "audio/amr"),
    ("audio", "a.aac", AAC, "audio/aac"),
    ("audio", "a.aac", film(b"M4A "), "audio/mp4"),
)  # fmt: skip
NAMES = tuple(f"{place}-{kind}-{name}" for place, (kind, name, _, _) in enumerate(GOOD))
