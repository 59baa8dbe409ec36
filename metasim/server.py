"""The simulator as a real HTTP server: uvicorn with a protocol whose connections can be broken on purpose."""

import asyncio
import contextlib
import gc
import socket
from collections.abc import AsyncIterator, Iterator
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from metasim.app import create_app
from metasim.config import SimulatorConfig
from metasim.wire import TRANSPORT

HOST = "127.0.0.1"
PORT = 9100
_BACKLOG = 2048


class BreakableProtocol(HttpToolsProtocol):
    """Shows the app its TCP transport, because ASGI has no word for a connection reset."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send every part of an answer at once."""
        # asyncio leaves Nagle's algorithm on for a listener made by hand: 40 ms for every answer.
        transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().connection_made(cast("asyncio.Transport", transport))

    def on_message_begin(self) -> None:
        """Start a request with the transport in its scope."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: {"transport": self.transport}}


class _EmbeddedServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # Whoever embeds the simulator owns the process and its signals.
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def run(
    host: str = HOST, port: int = PORT, config: SimulatorConfig | None = None, media_port: int | None = None
) -> None:
    """Serve until interrupted, in a process of its own; the media host takes the next port unless told."""
    # Hundreds of thousands of small live records make the collector's default pace costly and pointless.
    gc.set_threshold(50_000, 20, 50)
    listeners = _listeners(host, port, media_port)
    uvicorn.Server(_uvicorn_config(listeners, config, log_level="warning")).run(sockets=listeners)


@contextlib.asynccontextmanager
async def running(
    config: SimulatorConfig | None = None, host: str = HOST, port: int = 0, media_port: int | None = None
) -> AsyncIterator[str]:
    """Serve inside the current event loop and give the base URL; port 0 takes a free one."""
    listeners = _listeners(host, port, media_port)
    server = _EmbeddedServer(_uvicorn_config(listeners, config))
    serving = asyncio.create_task(server.serve(sockets=listeners))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
            raise RuntimeError("the simulator did not start")
        yield f"http://{f'[{host}]' if ':' in host else host}:{_port(listeners[0])}"
    finally:
        ready.cancel()
        server.should_exit = True
        await serving
        for listener in listeners:
            listener.close()


async def serve(
    host: str = HOST, port: int = PORT, config: SimulatorConfig | None = None, media_port: int | None = None
) -> None:
    """Serve inside the current event loop until cancelled."""
    async with running(config, host, port, media_port):
        await asyncio.Event().wait()


def _listeners(host: str, port: int, media_port: int | None) -> list[socket.socket]:
    """The Graph side's socket and the media host's."""
    graph = _listener(host, port)
    try:
        if media_port is not None:
            return [graph, _listener(host, media_port)]
        with contextlib.suppress(OSError, OverflowError):
            if port:
                return [graph, _listener(host, port + 1)]
        return [graph, _listener(host, 0)]
    except BaseException:
        graph.close()
        raise


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=_BACKLOG)


def _port(listener: socket.socket) -> int:
    port: int = listener.getsockname()[1]
    return port


def _uvicorn_config(
    listeners: list[socket.socket], config: SimulatorConfig | None, log_level: str | None = None
) -> uvicorn.Config:
    app = create_app(config or SimulatorConfig())
    app.state.media_port = _port(listeners[1])
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=BreakableProtocol,
        ws="none",
        lifespan="on",
        access_log=False,
        # Without a level of its own the simulator leaves its host's logging alone.
        log_config=uvicorn.config.LOGGING_CONFIG if log_level else None,
        log_level=log_level,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=60,
        timeout_graceful_shutdown=1,
    )
