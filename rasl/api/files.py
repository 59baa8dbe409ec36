"""GET /media/{token}: the content of a file, for whoever has its signed address."""

import contextlib
import re
from collections.abc import AsyncGenerator
from typing import cast
from urllib.parse import quote

from litestar import route
from litestar.params import FromPath
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl.db.pool import Row
from rasl.errors import NotFound, ServiceUnavailable
from rasl.media_store.base import MissingFile, StoreUnavailable
from rasl.services.media import files, links
from rasl.web.request import ApiRequest

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_SHOWN = ("image/", "video/", "audio/")
_CANNOT_READ = "Files cannot be read right now"
_NOWHERE = "There is nothing at this address, or not any more"
# No file of a customer's may do anything in a browser, whatever it holds.
_FIXED = [
    (b"content-security-policy", b"default-src 'none'; sandbox"),
    (b"accept-ranges", b"bytes"),
    (b"referrer-policy", b"no-referrer"),
]


@route("/media/{token:str}", http_method=["GET", "HEAD"], include_in_schema=False)
async def load_file(token: FromPath[str], request: ApiRequest) -> ASGIApp:
    """Stream a file or a part of it, or answer its headers only."""
    named = links.read_token(request.resources.sealer, token)
    row = await files.find_row(request.resources.database, named[0], named[1]) if named else None
    if named is None or row is None:
        raise NotFound(_NOWHERE)
    tag = f'"{row["sha256"].hex()[:32]}"'
    headers = [
        *_FIXED,
        (b"etag", tag.encode()),
        (b"cache-control", b"private, max-age=%d" % named[2]),
        (b"content-disposition", _disposition(row).encode()),
    ]
    asked = request.context.asked
    if tag in asked.get(b"if-none-match", b"").decode("latin-1"):
        return _empty(304, headers)
    size: int = row["size"]
    part = None
    if asked.get(b"if-range", tag.encode()).decode("latin-1") == tag:
        part = _part(asked.get(b"range", b"").decode("latin-1"), size)
    if part is not None and part[0] >= part[1]:
        return _empty(416, [*headers, (b"content-range", b"bytes */%d" % size)])
    start, end = part or (0, size)
    headers += [
        (b"content-type", _content_type(row["mime_type"]).encode()),
        (b"content-length", b"%d" % (end - start)),
    ]
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (start, end - 1, size)))
    chunks = request.resources.media_store.stream(row["store_key"], start, end - start)
    status = 206 if part is not None else 200
    if request.method == "HEAD":
        return _empty(status, headers)
    return await _opened(cast("AsyncGenerator[bytes]", chunks), status, headers)


async def _opened(chunks: AsyncGenerator[bytes], status: int, headers: list[tuple[bytes, bytes]]) -> ASGIApp:
    """Read the first part before the answer begins: a file that is not there must not look like one."""
    try:
        first = await anext(chunks, b"")
    except MissingFile:
        raise NotFound(_NOWHERE) from None
    except StoreUnavailable as error:
        raise ServiceUnavailable(_CANNOT_READ) from error

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        async with contextlib.aclosing(chunks):
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": first, "more_body": True})
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


def _empty(status: int, headers: list[tuple[bytes, bytes]]) -> ASGIApp:
    """Answer nothing but headers."""

    async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answer


def _part(header: str, size: int) -> tuple[int, int] | None:
    """Return the first byte asked for and the one behind the last; None for the whole file, an empty part for none."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        return max(0, size - int(match[2])), size
    start = int(match[1])
    end = min(size, int(match[2]) + 1) if match[2] else size
    return (start, end) if start < size else (size, size)


def _content_type(mime_type: str) -> str:
    return f"{mime_type}; charset=utf-8" if mime_type.startswith("text/") else mime_type


def _disposition(row: Row) -> str:
    """Show pictures, films and sounds, offer all else for saving, under a name that cannot leave the header."""
    kind = "inline" if row["mime_type"].startswith(_SHOWN) and "svg" not in row["mime_type"] else "attachment"
    if not row["filename"]:
        return kind
    plain = re.sub(r"[^A-Za-z0-9 ._()-]", "_", row["filename"])
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(row['filename'], safe='')}"


HANDLERS = (load_file,)
