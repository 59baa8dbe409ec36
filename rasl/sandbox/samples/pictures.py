"""Files to show: pictures drawn pixel by pixel, and a page of PDF."""

import struct
import zlib
from collections.abc import Callable

Color = tuple[int, int, int]
_WIDTH, _HEIGHT = 320, 200


def box_picture() -> bytes:
    """Return a PNG of a parcel."""
    return _png(_box)


def lighthouse_picture() -> bytes:
    """Return a PNG of a lighthouse at night."""
    return _png(_lighthouse)


def _box(x: int, y: int) -> Color:
    if not (70 <= x < 250 and 50 <= y < 160):
        return (232, 240, 246) if y < 160 else (205, 220, 230)
    if 150 <= x < 170:
        return (176, 122, 66)
    if y < 75:
        return (222, 172, 112)
    return (205, 150, 90)


def _lighthouse(x: int, y: int) -> Color:
    if y >= 165:
        return (18, 52, 86) if (x // 16 + y // 6) % 2 else (24, 66, 104)
    if abs(x - 160) <= 12 + (y - 60) // 8 and y >= 60:
        return (214, 69, 65) if (y // 21) % 2 else (246, 246, 240)
    if abs(x - 160) <= 10 and 40 <= y < 60:
        return (255, 224, 130)
    if abs(y - 50) * 6 <= abs(x - 160):
        return (92, 104, 122)
    return (28, 34, 54)


def _png(color: Callable[[int, int], Color]) -> bytes:
    rows = b"".join(b"\0" + b"".join(bytes(color(x, y)) for x in range(_WIDTH)) for y in range(_HEIGHT))
    head = struct.pack(">IIBBBBB", _WIDTH, _HEIGHT, 8, 2, 0, 0, 0)
    parts = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def invoice() -> bytes:
    """Return a PDF of one page."""
    drawing = b"BT /F1 24 Tf 72 760 Td (Harbour Books: invoice 1044) Tj ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(drawing), drawing),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    written, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(written))
        written += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n%b" % (count, table)
    return (
        written
        + head
        + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(written))
    )
