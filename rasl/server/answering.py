"""How answers and endings go on one connection: in order, in time, and without cutting off what is on its way."""

import asyncio
import math
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from rasl.errors import ApiError, RequestTimeout, ServiceUnavailable
from rasl.server import refusals
from rasl.server.exchange import Exchange
from rasl.server.intake import Intake

CROWDED = "Too many requests of unknown callers are under way"
LINGER_SECONDS = 5.0
_LONGEST_LINGER = 30.0
_FRESH_SECONDS = 1.0


class Answering(HttpToolsProtocol):
    """The side of a connection that answers; what comes in is read by Connection."""

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
        self._refuse(ServiceUnavailable(CROWDED), self._in_body)

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
            self._linger(LINGER_SECONDS)  # more may be on its way, and a reset would take the answer with it
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
        self._linger(LINGER_SECONDS)

    @property
    def _is_answered(self) -> bool:
        newest = cast("Exchange | None", self.cycle)
        return newest is None or newest.response_complete

    def _rest(self) -> None:
        self._deadline = self.loop.time() + self._limits.idle_seconds
        self._intake.idle[self] = None

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
