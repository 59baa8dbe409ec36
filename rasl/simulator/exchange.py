"""One HTTP exchange: the request as read, the answer as decided, and how it is put on the wire."""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Wire = Literal["whole", "drop", "reset", "truncate"]

TRANSPORT = "rasl.simulator.transport"
JSON = b"application/json; charset=UTF-8"

_encode = msgspec.json.Encoder().encode


class Request:
    """A request with its whole body read."""

    def __init__(self, scope: Scope, body: bytes) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.body = body
        self._headers: Headers = scope["headers"]
        self._query: bytes = scope["query_string"]

    def header(self, name: bytes) -> bytes:
        """The first header of that lower-case name, or nothing."""
        for key, value in self._headers:
            if key == name:
                return value
        return b""

    @cached_property
    def query(self) -> dict[str, str]:
        """The query string's parameters."""
        if not self._query:
            return {}
        return dict(parse_qsl(self._query.decode("latin-1"), keep_blank_values=True))


class Answer:
    """What goes back, when, and whether all of it arrives."""

    __slots__ = ("body", "content_type", "delay", "headers", "status", "wire")

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: bytes = JSON,
        headers: Headers | None = None,
        delay: float = 0.0,
        wire: Wire = "whole",
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers: Headers = [] if headers is None else headers
        self.delay = delay
        self.wire: Wire = wire


def json_answer(value: Any, status: int = 200) -> Answer:
    """An answer with a JSON body."""
    return Answer(status, _encode(value))


async def read_body(receive: Receive) -> bytes:
    """The request's whole body."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = [body]
    while message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
    return b"".join(parts)


async def write(answer: Answer, scope: Scope, receive: Receive, send: Send) -> None:
    """Put an answer on the wire, or break the connection where it says so."""
    if answer.delay and await _is_gone_within(answer.delay, receive):
        return
    if answer.wire in {"drop", "reset"}:
        await _abort(scope, receive, reset=answer.wire == "reset")
        return
    head: Headers = [
        (b"content-type", answer.content_type),
        (b"content-length", b"%d" % len(answer.body)),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": head})
    if answer.wire == "truncate":
        half = answer.body[: len(answer.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        _transport(scope).close()
        await _gone(receive)
        return
    await send({"type": "http.response.body", "body": answer.body, "more_body": False})


async def _abort(scope: Scope, receive: Receive, *, reset: bool) -> None:
    transport = _transport(scope)
    if reset:
        # Lingering for zero seconds makes the kernel send RST instead of an orderly FIN.
        connection = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()
    await _gone(receive)


def _transport(scope: Scope) -> asyncio.Transport:
    try:
        transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    except KeyError:
        raise RuntimeError("breaking a connection needs the simulator's own server") from None
    return transport


async def _is_gone_within(seconds: float, receive: Receive) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await _gone(receive)
    except TimeoutError:
        return False
    return True


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
