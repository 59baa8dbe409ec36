"""`_method` in a POSTed form: how HTML forms, and clients that know only GET and POST, say PATCH, PUT or DELETE.

The field is looked for before a route is: in the query string of a POST, in a urlencoded body, and in what comes first
of a multipart body, before its files. What was read is given to the route again. A body is looked at only when the
caller's token is good, because nobody else's body is read at all.
"""

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from typing import Any
from urllib.parse import parse_qsl

from litestar import Request
from litestar.types import ASGIApp, Receive, Scope
from litestar.types.asgi_types import ReceiveMessage
from multipart import MultipartError, MultipartSegment, PushMultipartParser, parse_options_header

from rasl.errors import ApiError
from rasl.web.context import context_of
from rasl.web.envelope import failure
from rasl.web.input import MAX_BODY_BYTES, MAX_PAIRS, METHOD

Refusal = Callable[[Scope], Awaitable[ApiError | None]]
_NAME = METHOD.encode()
_METHODS = ("PATCH", "PUT", "DELETE")
_FIRST_BYTES = 64 * 1024
_URLENCODED = b"application/x-www-form-urlencoded"
_MULTIPART = b"multipart/form-data"


def names_method(scope: Any) -> bool:
    """Tell whether a POST may name another method."""
    kind = context_of(scope).asked.get(b"content-type", b"")[:33].lower()
    return kind.startswith((_URLENCODED, _MULTIPART)) or _NAME in scope["query_string"]


async def overriding(
    app: ASGIApp, scope: Any, receive: Receive, refusal: Refusal, taken: Collection[str]
) -> tuple[Receive, ASGIApp]:
    """Give the request the method that it names; returns what receives its body from now on, and what answers it."""
    ahead, named = _Ahead(receive), None
    kind = context_of(scope).asked.get(b"content-type", b"")
    is_form = kind[:33].lower().startswith((_URLENCODED, _MULTIPART))
    refused = await refusal(scope) if is_form else None
    if is_form and refused is None and not _is_better_unread(scope, taken):
        named = await _named_in_body(ahead, kind)
    named = named or _named_in(scope["query_string"].decode("latin-1"))
    if named is not None:
        scope["method"] = named
    elif refused is not None and "POST" not in taken and not set(taken).isdisjoint(_METHODS):
        # The form may have meant one of them: that its token is wrong is all that can be said.
        return ahead, failure(Request(scope), refused)
    return ahead, app


def _is_better_unread(scope: Any, taken: Collection[str]) -> bool:
    """Tell whether a body will be refused for its size anyway, or waits to be asked for where no method could help."""
    asked = context_of(scope).asked
    kind, declared = asked[b"content-type"].lower(), asked.get(b"content-length", b"")
    if kind.startswith(_URLENCODED):
        return declared.isdigit() and int(declared[:20]) > MAX_BODY_BYTES
    return b"expect" in asked and set(taken).isdisjoint(_METHODS)


async def _named_in_body(ahead: "_Ahead", kind: bytes) -> str | None:
    if kind.lower().startswith(_URLENCODED):
        body = b"".join([chunk async for chunk in ahead.chunks(MAX_BODY_BYTES + 1)])
        is_whole = len(body) <= MAX_BODY_BYTES  # else the route refuses it
        return _named_in(body.decode("latin-1")) if is_whole else None
    boundary = parse_options_header(kind.decode("latin-1"))[1].get("boundary")
    try:
        return await _named_in_parts(ahead, boundary) if boundary else None
    except (MultipartError, UnicodeError):
        return None  # the route says what is wrong with it


async def _named_in_parts(ahead: "_Ahead", boundary: str) -> str | None:
    parser = PushMultipartParser(boundary)
    name, value = "", b""
    async for chunk in ahead.chunks(_FIRST_BYTES):
        for event in parser.parse(chunk):
            if isinstance(event, MultipartSegment):
                name, value = event.name, b""
            elif event is not None:
                value += event if name == METHOD else b""
            elif name == METHOD:
                return _method(value.decode("latin-1"))
    return None


def _named_in(text: str) -> str | None:
    if METHOD not in text:
        return None
    try:
        fields = dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_PAIRS))
    except ValueError:
        return None
    return _method(fields.get(METHOD, ""))


def _method(text: str) -> str | None:
    name = text.strip().upper()
    return name if name in _METHODS else None


class _Ahead:
    """Receives a body: first what was looked at already, then the rest."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._seen: deque[ReceiveMessage] = deque()

    async def __call__(self) -> ReceiveMessage:
        """Receive the next part."""
        return self._seen.popleft() if self._seen else await self._receive()

    async def chunks(self, most: int) -> AsyncIterator[bytes]:
        """Yield what comes first, until about `most` bytes were seen or there is no more."""
        size = 0
        while size < most:
            message = await self._receive()
            self._seen.append(message)
            if message["type"] != "http.request":
                return
            if message["body"]:
                size += len(message["body"])
                yield message["body"]
            if not message["more_body"]:
                return
