"""Answers of more than a kilobyte go compressed to whoever takes gzip; smaller ones would hardly become smaller."""

import zlib
from collections.abc import Sequence

Headers = list[tuple[bytes, bytes]]
LEAST_BYTES = 1024
# Level 4 makes JSON hardly larger than 6 does, in half the time.
_LEVEL = 4
_GZIP = 16 + zlib.MAX_WBITS
_TEXTS = (b"application/json", b"text/", b"image/svg+xml")


def takes_gzip(accepted: bytes | None) -> bool:
    """Read an Accept-Encoding: `gzip;q=0` refuses what `gzip` asks for (RFC 9110, section 12.5.3)."""
    if accepted is None or b"gzip" not in accepted.lower():
        return False
    for choice in accepted.lower().split(b","):
        name, _, weight = choice.replace(b" ", b"").partition(b";q=")
        if name == b"gzip":
            return not weight or weight.strip(b"0.") != b""
    return False


def is_worth_it(headers: Sequence[tuple[bytes, bytes]]) -> bool:
    """Tell whether an answer with these headers is a text that nobody has compressed or cut yet."""
    named = dict(headers)
    return named.get(b"content-type", b"").startswith(_TEXTS) and not (
        named.keys() & {b"content-encoding", b"content-range", b"etag"}
    )


def compressed(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Return an answer's headers and body compressed."""
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)
    packed = packer.compress(body) + packer.flush()
    kept = [header for header in headers if header[0] != b"content-length"]
    told = [
        (b"content-encoding", b"gzip"),
        (b"vary", b"Accept-Encoding"),
        (b"content-length", b"%d" % len(packed)),
    ]
    return [*kept, *told], packed
