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
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rasl import arrival
from rasl.errors import ApiError, BadRequest, HeadTooLarge, RequestTimeout, ServiceUnavailable, UriTooLong
from rasl.server import refusals
from rasl.server.exchange import Exchange
from rasl.server.intake import Intake

# What a request may hold without being counted: with the limit of connections this is little in all.
_UNCOUNTED = 4096
_SLICE = 64 * 1024
_ASGI = {"version": "3.0", "spec_version": "2.3"}
_LINGER_SECONDS = 5.0
_LONGEST_LINGER = 30.0
_FRESH_SECONDS = 1.0
_CROWDED = "Too many requests of unknown callers are under way"
_OVERHEAD_PER_BYTE = 8  # a chunk of one byte travels as six


class _OverrunError(Exception):
    """More requests were sent ahead than are taken; those before them are answered."""


class Connection(HttpToolsProtocol):
    """A connection of a client; each request on it is an Exchange."""

    cycle: Exchange  # the request that is read, or was read last

    def __init__(self, intake: Intake, **options: Any) -> None:
        super().__init__(**options)
        self._intake = intake
        self._limits = intake.limits
        self._is_in_head = True  # between requests too
        self._is_open = False  # a request has begun and has not come to its end
        self._is_over = False  # whatever still comes is nobody's
        self._is_ended = False  # we send nothing more
        self._has_peer_ended = False
        self._is_fresh = True  # no request has come yet
        self._head_bytes = 0
        self._farewell: bytes | None = None  # what to say when the answers before it are given
        self._running: Exchange | None = None
        self._new_task: asyncio.Task[None] | None = None  # of a request that came just now
        self._has_completed = False  # a request came to its end in what came just now
        self._begun_at = 0.0
        self._deadline = math.inf
        self._linger_until = 0.0
        self._unread = 0
        self._unread_until = math.inf

    # What the application says and asks.

    @property
    def is_draining(self) -> bool:
        """Whether the server was told to end."""
        return self._intake.is_draining

    def known(self) -> None:
        """Trust the caller of the request that runs."""
        if self._running is not None:
            self._running.is_known = True
        self._intake.release(self)

    def count_for(self, share: str) -> None:
        """Count the request that runs for somebody."""
        if self._running is not None:
            self._running.share = share
            self._intake.move(self)

    # What the intake says and asks.

    @property
    def share(self) -> str:
        """For whom the request claims to be."""
        return self._running.share if self._running is not None else ""

    @property
    def gives_way(self) -> bool:
        """Whether the request is incomplete, so that nobody acts on it yet, and had time to say whose it is."""
        exchange = self._in_body
        return self._is_open and not self._is_over and (exchange is None or exchange.has_begun)

    def give_way(self) -> None:
        """Refuse the request for want of memory."""
        self._refuse(ServiceUnavailable(_CROWDED), self._in_body)

    def end_now(self) -> None:
        """Close it at once, as another needs its place."""
        self._intake.idle.pop(self, None)
        self._is_over = self._is_ended = True
        self.transport.close()

    def end_idle(self) -> None:
        """End a connection on which nothing is under way; a request that crosses our end is not reset."""
        self._linger(_FRESH_SECONDS)

    def check(self, now: float) -> None:
        """End what takes too long: called about once a second."""
        self._check_reader(now)
        if now <= self._deadline:
            return
        if self._is_over:
            if not self._unread:  # else the client still reads its answer
                self.transport.abort()
        elif not self._is_open:
            self.end_idle()
        elif self.flow.read_paused:
            self._deadline = now + self._limits.request_seconds  # it is us who do not read
        else:
            self._check_sender(now)

    def _check_sender(self, now: float) -> None:
        exchange = self._in_body
        if exchange is not None and exchange.is_known:
            earned = exchange.body_bytes / self._limits.bytes_a_second
            self._deadline = self._begun_at + self._limits.request_seconds + earned
            if now <= self._deadline:
                return
        self._refuse(RequestTimeout(), exchange)

    def _check_reader(self, now: float) -> None:
        """Cut off a client that has not read a byte of its answer for as long as a request may take."""
        unread = self.transport.get_write_buffer_size()
        if unread != self._unread or not unread:
            self._unread, self._unread_until = unread, now + self._limits.request_seconds
        elif now > self._unread_until:
            self.transport.abort()

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
                self._deadline = min(self.loop.time() + _LINGER_SECONDS, self._linger_until)
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
                self._refuse(ServiceUnavailable(_CROWDED), exchange)
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
                self._refuse(reason if isinstance(reason, ApiError) else BadRequest(), self._in_body)
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

    # How answers begin and end; the application's go through here as if this were the transport.

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        self._running = cycle
        self._task = task = self.loop.create_task(cycle.run_asgi(app))
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def on_response_complete(self) -> None:
        """Go on with the next request."""
        self.server_state.total_requests += 1
        self._intake.release(self)
        if self._is_ended or self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            exchange, app = self.pipeline.pop()
            self._start_asgi_task(exchange, app)
            return
        self._running = None
        if self._farewell is not None:
            self.end_with(self._farewell)
        elif not self._is_open and not self._is_over:
            self._rest()

    def close(self) -> None:
        """End after an answer."""
        if self._is_open or self._is_over:
            self._linger(_LINGER_SECONDS)  # more may be on its way, and a reset would take the answer with it
        else:
            self._is_over = self._is_ended = True
            self.transport.close()

    def shutdown(self) -> None:
        """End as soon as nothing is under way."""
        if self._is_over or self._is_open:
            return
        if not self._is_answered:
            self.cycle.keep_alive = False
        elif self._is_fresh:
            self._deadline = self.loop.time() + _FRESH_SECONDS  # its first request is on its way
        else:
            self.end_idle()

    def drain(self) -> None:
        """Make the answer under way the last one."""
        if not self._is_answered:
            self.cycle.keep_alive = False

    def abort(self) -> None:
        """Break the connection: its answer cannot be completed."""
        self.transport.abort()

    def end_with(self, answer: bytes) -> None:
        """Say one last thing and end."""
        if self.transport.is_closing():
            return
        self.transport.write(answer)
        self._linger(_LINGER_SECONDS)

    @property
    def _is_answered(self) -> bool:
        newest = cast("Exchange | None", self.cycle)
        return newest is None or newest.response_complete

    def _rest(self) -> None:
        self._deadline = self.loop.time() + self._limits.idle_seconds
        self._intake.idle[self] = None

    def _too_large(self) -> HeadTooLarge:
        limits = self._limits
        return HeadTooLarge(details={"maximum_bytes": limits.head_bytes, "maximum_headers": limits.headers})

    @property
    def _in_body(self) -> Exchange | None:
        """The request whose body comes in, if one does."""
        return self.cycle if self._is_open and not self._is_in_head else None

    def _refuse(self, error: ApiError, exchange: Exchange | None) -> None:
        """Answer for the application: `exchange`, or what was to become one."""
        self._say_last(refusals.written(error), exchange)

    def _say_last(self, answer: bytes | None, exchange: Exchange | None) -> None:
        """Take nothing more, give the answers that are due, then this one, and end."""
        self._is_over, self._farewell, self._deadline = True, answer, math.inf
        self._intake.release(self)
        if exchange is not None and self.pipeline and self.pipeline[0][0] is exchange:
            self.pipeline.popleft()
        elif exchange is not None:
            exchange.abandon()
            if exchange.response_started and not exchange.response_complete:
                self.abort()
            else:
                self.end_with(b"" if exchange.response_complete else answer or b"")
            return
        if self._is_answered:
            self.end_with(answer or b"")
        elif answer is None:
            self.cycle.keep_alive = False

    def _linger(self, seconds: float) -> None:
        """End our side and read what is on its way: closing now would reset the connection, answer and all."""
        now = self.loop.time()
        self._is_over, self._is_ended, self._is_fresh = True, True, False
        self._deadline, self._linger_until = now + seconds, now + _LONGEST_LINGER
        self._intake.idle.pop(self, None)
        self._intake.release(self)
        if self._has_peer_ended:
            self.transport.close()
        elif not self.transport.is_closing():
            self.flow.resume_reading()
            try:
                self.transport.write_eof()
            except OSError:  # the client is gone, which nobody has told us yet
                self.transport.abort()
