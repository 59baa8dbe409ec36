"""One connection: what may come in on it, how much and for how long, before and while the application answers.

uvicorn's protocol reads HTTP; it has no limit of size or time for what it reads. See docs/decisions/0009-server.md.
"""

import asyncio
import math
import socket
import urllib.parse
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from rasl import arrival
from rasl.errors import ApiError, BadRequest, HeadTooLarge, ServiceUnavailable, UriTooLong
from rasl.server import refusals
from rasl.server.answering import CROWDED, LINGER_SECONDS, Answering
from rasl.server.exchange import Exchange

# What a request may hold without being counted: with the limit of connections this is little in all.
_UNCOUNTED = 4096
_SLICE = 64 * 1024
_ASGI = {"version": "3.0", "spec_version": "2.3"}
# What the parser names; of anything else there is nothing to say.
_WHY: dict[type[httptools.HttpParserError], str] = {
    httptools.HttpParserInvalidURLError: "The address is none, or a character in it has to be URL-encoded: ö is %C3%B6"
}
_OVERHEAD_PER_BYTE = 8  # a chunk of one byte travels as six


class _OverrunError(Exception):
    """More requests were sent ahead than are taken; those before them are answered."""


class Connection(Answering):
    """A connection of a client; each request on it is an Exchange."""

    # What the transport says.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a connection, or say that there are too many."""
        super().connection_made(cast("asyncio.Transport", transport))
        # asyncio leaves Nagle's algorithm on for a listener made by hand (uvloop does not): 40 ms for every answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.write = self.transport.write
        self.is_closing = self.transport.is_closing
        self._begun_at = self.loop.time()
        self._deadline = self._begun_at + self._limits.request_seconds
        if self._intake.has_room(len(self.connections)):
            self._intake.idle[self] = None
        else:
            self.end_with(refusals.written(ServiceUnavailable("Too many connections")))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._intake.idle.pop(self, None)
        self._intake.release(self)
        self._is_over = True
        super().connection_lost(exc)
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.abandon()
        # Nothing here may keep each other alive: the collector comes seldom.
        self._running = self._new_task = None
        self.cycle = self.scope = self.headers = None  # type: ignore[assignment]

    def eof_received(self) -> bool | None:  # type: ignore[override]
        """Answer a request that is complete, though its sender will send nothing more."""
        self._has_peer_ended = True
        if self._is_ended or self._is_open or self._is_answered:
            return None
        self.cycle.keep_alive = False
        self._is_over = True
        return True

    def data_received(self, data: bytes) -> None:
        """Take in what came, the head of a request never beyond its limit."""
        if self._is_over:
            if self._is_ended:
                self._deadline = min(self.loop.time() + LINGER_SECONDS, self._linger_until)
            return
        self._new_task = None
        self._take_in(data)
        if self._is_open or len(data) > _UNCOUNTED:
            self._count(len(data))

    def _take_in(self, data: bytes) -> None:
        while data and not self._is_over:
            room = _SLICE
            if self._is_in_head:
                room = min(room, self._limits.head_bytes - self._head_bytes)
            part, data = (data, b"") if len(data) <= room else (data[:room], data[room:])
            self._feed(part)

    def _count(self, size: int) -> None:
        """Count what a request of a stranger holds, and read no more of it before the application asks for it."""
        if self._is_over:
            return
        exchange = self._in_body if self._is_open else self.cycle
        if exchange is None or not (exchange.is_known or exchange.response_complete):
            self._intake.hold(self, size)
            if self._intake.is_full and not self._is_over:
                # Nobody else can give way. A complete request has not been begun yet: its task would run after us.
                if self._new_task is not None:
                    self._new_task.cancel()
                self._refuse(ServiceUnavailable(CROWDED), exchange)
        if self.pipeline or (self._is_open and not self._may_read_on):
            self.flow.pause_reading()

    @property
    def _may_read_on(self) -> bool:
        """Whether more is welcome before the application asks for it: not of a stranger's body."""
        exchange = self._in_body
        return self._is_over or exchange is None or exchange.is_known or exchange.response_complete

    def _feed(self, part: bytes) -> None:
        was_in_head, self._has_completed = self._is_in_head, False
        try:
            self.parser.feed_data(part)
        except httptools.HttpParserUpgrade:
            # There is no protocol to change to; the answer is the last one on this connection.
            self.cycle.keep_alive = False
            self._is_over = True
            return
        except httptools.HttpParserError as error:
            reason = error.__context__
            if isinstance(reason, _OverrunError):
                self._say_last(None, None)
            else:
                told = reason if isinstance(reason, ApiError) else BadRequest(_WHY.get(type(error)))
                self._refuse(told, self._in_body)
            return
        if self._is_in_head:
            if self._is_open and not self._has_completed:
                self._head_bytes += len(part)
                if self._head_bytes >= self._limits.head_bytes:
                    self._refuse(self._too_large(), None)
        elif not was_in_head:
            self._check_overhead(len(part))

    def _check_overhead(self, size: int) -> None:
        """Refuse a body that is mostly lengths, extensions and trailers of chunks."""
        exchange = self.cycle
        exchange.wire_bytes += size
        allowed = self._limits.overhead_bytes + _OVERHEAD_PER_BYTE * exchange.body_bytes
        if exchange.wire_bytes - exchange.body_bytes > allowed:
            self._refuse(BadRequest("The body consists of little but the frames around it"), exchange)

    # What the parser says.

    def on_message_begin(self) -> None:
        """Begin a request."""
        if len(self.pipeline) >= self._limits.queued_requests:
            raise _OverrunError
        self.url = b""
        self.expect_100_continue = False
        self.headers = []
        scope: Any = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": "",
            "headers": self.headers,
            "state": self.app_state.copy(),
            arrival.KEY: self,
        }
        self.scope = scope
        self._intake.idle.pop(self, None)
        self._is_in_head = self._is_open = True
        self._is_fresh = False
        self._head_bytes = 0
        self._begun_at = self.loop.time()
        self._deadline = self._begun_at + self._limits.request_seconds

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a trailer is none and may not pretend to be (RFC 9110, section 6.5.1)."""
        if self._is_in_head:
            name = name.lower()
            if name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or queue it behind the one before it."""
        if len(self.headers) > self._limits.headers:
            raise self._too_large()
        http_version = self.parser.get_http_version()
        scope: Any = self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["http_version"] = http_version
        url = httptools.parse_url(self.url)
        path: bytes | None = url.path
        if path is None:
            raise BadRequest
        if len(path) > self._limits.path_bytes:
            raise UriTooLong(details={"maximum_bytes": self._limits.path_bytes})
        text = path.decode("ascii")
        scope["path"] = urllib.parse.unquote(text) if "%" in text else text
        scope["raw_path"] = path
        scope["query_string"] = url.query or b""
        is_free = self._is_answered
        self.cycle = exchange = Exchange(
            scope=scope,
            transport=cast("asyncio.Transport", self),
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=False,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue,
            keep_alive=(
                http_version != "1.0" and self.parser.should_keep_alive() and not self._intake.is_draining
            ),
            on_response=self.on_response_complete,
        )
        exchange.connection = self
        self._is_in_head = False
        if is_free:
            self._start_asgi_task(exchange, self.app)
            self._new_task = self._task
        else:
            self.flow.pause_reading()
            self.pipeline.appendleft((exchange, self.app))

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        exchange = self.cycle
        exchange.body_bytes += len(body)
        if exchange.response_complete:
            return
        exchange.body += body
        if len(exchange.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        exchange.message_event.set()

    def on_message_complete(self) -> None:
        """The request is all there."""
        self._is_open, self._is_in_head, self._head_bytes = False, True, 0
        self._has_completed = True
        self._deadline = math.inf
        if self.cycle.response_complete:
            self._rest()
        else:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    def _too_large(self) -> HeadTooLarge:
        limits = self._limits
        return HeadTooLarge(details={"maximum_bytes": limits.head_bytes, "maximum_headers": limits.headers})
