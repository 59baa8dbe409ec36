"""One HTTP exchange: the request as read and the answer as decided."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import parse_qsl

import msgspec

if TYPE_CHECKING:
    from metasim.faults import Effect

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]
Wire = Literal["whole", "drop", "reset", "truncate", "slow", "endless"]

JSON = b"application/json; charset=UTF-8"

_encode = msgspec.json.Encoder().encode


class CallerGone(Exception):
    """The caller closed the connection before the whole body was there."""


class Request:
    """A request; its body is read already, or comes in chunks where it may be large."""

    def __init__(self, scope: Scope, body: bytes, receive: Receive | None = None) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.body = body
        self.effect: Effect | None = None
        self._headers: Headers = scope["headers"]
        self._query: bytes = scope["query_string"]
        self._receive = receive

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

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives; raises CallerGone when it breaks off."""
        if self._receive is None:
            yield self.body
            return
        receive, has_more = self._receive, True
        while has_more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise CallerGone
            has_more = message.get("more_body", False)
            if not has_more:
                self._receive = None
            if chunk := message.get("body", b""):
                yield chunk

    async def drain(self) -> None:
        """Take in what nobody wanted of the body, so that the caller gets to read the answer."""
        if self._receive is not None:
            async for _ in self.chunks():
                pass


class Answer:
    """What goes back, when, and whether all of it arrives."""

    __slots__ = ("body", "content_type", "delay", "headers", "length", "pace", "source", "status", "wire")

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        content_type: bytes = JSON,
        headers: Headers | None = None,
        delay: float = 0.0,
        wire: Wire = "whole",
        source: Iterable[bytes] | None = None,
        length: int | None = None,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers: Headers = [] if headers is None else headers
        self.delay = delay
        self.wire: Wire = wire
        self.pace = 0.0
        self.source = source
        self.length = len(body) if length is None else length


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
