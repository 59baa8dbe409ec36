"""Plain TCP to a server, byte for byte, and an application that says what it was given."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from rasl.arrival import arrival_of

HOST = b"Host: rasl.test\r\n"


class Raw:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def write(self, data: bytes) -> None:
        """Send without waiting."""
        self.writer.write(data)

    async def send(self, data: bytes) -> None:
        """Send; what the server does not read any more is no failure here."""
        with contextlib.suppress(ConnectionError):
            self.writer.write(data)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], Any]:
        """Read one answer: status, headers, decoded body."""
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 20)).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = await asyncio.wait_for(self.reader.readexactly(int(headers.get("content-length", "0"))), 20)
        return int(first.split(" ")[1]), headers, json.loads(body) if body else None

    async def ends(self) -> bytes:
        """Return what comes until the server ends the connection; a reset fails."""
        return await asyncio.wait_for(self.reader.read(), 20)

    async def refusal(self) -> tuple[int, str]:
        """Read an answer in the envelope, after which the server ends the connection without a reset."""
        status, headers, body = await self.answer()
        assert headers["content-type"] == "application/json"
        assert headers["x-request-id"] == body["meta"]["request_id"]
        assert headers["connection"] == "close"
        assert body["success"] is False
        assert not await self.ends()
        return status, body["error"]["code"]


@contextlib.asynccontextmanager
async def connected(url: str) -> AsyncIterator[Raw]:
    """Have a connection inside the block."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=8 * 1024 * 1024)
    try:
        yield Raw(reader, writer)
    finally:
        writer.transport.abort()


class Echo:
    """Answers with what it was given; `known`, `share` and `wait` in the path make it act before it reads."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.waiting = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Take one request."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        path: str = scope["path"]
        self.seen.append(path)
        if path.startswith("/known"):
            arrival_of(scope).known()
        if path.startswith("/share/"):
            arrival_of(scope).count_for(path.removeprefix("/share/"))
        if path.startswith("/wait"):
            self.waiting.release()
            await self.go_on.wait()
            if path.endswith("/known"):
                arrival_of(scope).known()
        if path == "/raise":
            raise RuntimeError("on purpose")
        if path == "/nothing":
            return
        size = 0 if path.startswith("/unread") else await _size(receive)
        if size is None:
            self.seen.append(f"gone {path}")
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        body = json.dumps({"path": path, "size": size, "headers": headers}).encode()
        if path.startswith("/large"):
            body = json.dumps("x" * 8_000_000).encode()
        start = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": body, "more_body": False})


async def _size(receive: Any) -> int | None:
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        size += len(message["body"])
        if not message["more_body"]:
            return size


async def _live(receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


def get(path: str = "/", headers: bytes = b"") -> bytes:
    """Write a GET."""
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + headers + b"\r\n"


def post(path: str, size: int, headers: bytes = b"") -> bytes:
    """Write the head of a POST."""
    return f"POST {path} HTTP/1.1\r\nContent-Length: {size}\r\n".encode() + HOST + headers + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked\r\n"


def post_chunked(path: str, headers: bytes = b"") -> bytes:
    """Write the head of a POST without a length."""
    return f"POST {path} HTTP/1.1\r\n".encode() + HOST + CHUNKED + headers + b"\r\n"
