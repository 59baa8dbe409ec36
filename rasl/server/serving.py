"""One process that serves: it starts, takes requests, and ends without cutting anybody off."""

import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import uvicorn

from rasl import log
from rasl.server.connection import Connection
from rasl.server.intake import Intake
from rasl.server.limits import Limits
from rasl.start.listening import stop_arrivals
from rasl.start.signals import ENDING

_GRACEFUL_SECONDS = 25
_BACKLOG = 2048
_logger = log.get_logger()


class Server(uvicorn.Server):
    """Serves an ASGI application on a socket; `app` builds it inside the event loop.

    SIGTERM: `/readyz` says so for `drain_seconds` while requests are still answered, each as the last of its
    connection; then nothing new is taken and what is under way is finished. Ctrl-C and SIGHUP skip the first part. A
    second signal ends at once.
    """

    # A handshake that began before we stopped taking new ones is over by then, and what it brought is accepted.
    settle_seconds = 0.3

    def __init__(
        self,
        app: Callable[[], Any],
        limits: Limits,
        drain_seconds: float = 0.0,
        announce: Callable[[], None] = lambda: None,
        loop: str = "uvloop",
        *,
        has_parent: bool = False,
    ) -> None:
        self._has_parent = has_parent
        self.intake = Intake(limits)
        self._drain_seconds = drain_seconds
        self._announce = announce
        self._is_hasty = False
        self._told_again = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        super().__init__(_configured(app, self.intake, loop))

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if self.started:
            self._watching = asyncio.create_task(self.intake.watch(self.server_state.connections))  # type: ignore[arg-type]
            self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End."""
        self.intake.is_draining = True
        for connection in self._connections():
            connection.drain()
        if not self._is_hasty:
            await self._wait(self._drain_seconds)
        if not self.force_exit:
            for listener in sockets or ():
                stop_arrivals(listener)
            await self._wait(self.settle_seconds)
        await super().shutdown(sockets)
        for connection in self._connections():
            connection.abort()
        if self._watching is not None:
            self._watching.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Obey the signals that end us, from now on to the end of the process."""
        for number in ENDING:
            signal.signal(number, self._told)
        yield

    def _told(self, number: int, _frame: FrameType | None) -> None:
        if self.should_exit:
            # Whoever signals a whole group tells a child twice: directly, and through its parent.
            if self._has_parent and number == signal.SIGTERM:
                return
            self.force_exit = True
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._told_again.set)
        else:
            self._is_hasty = number != signal.SIGTERM
        self.should_exit = True

    async def _wait(self, seconds: float) -> None:
        """Wait, or until told a second time."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._told_again.wait(), seconds)

    def _connections(self) -> list[Connection]:
        return [item for item in self.server_state.connections if isinstance(item, Connection)]


def _configured(app: Callable[[], Any], intake: Intake, loop: str) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        factory=True,
        loop=loop,
        http=functools.partial(Connection, intake),  # type: ignore[arg-type]  # uvicorn only calls it
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing here depends on who is in front of us
        backlog=_BACKLOG,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
