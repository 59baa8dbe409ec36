"""How a server ends: who is still answered, and that nobody is cut off."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator

from rasl.server import Limits, Server
from tests.server.raw import Echo, Raw, connected, get, post
from tests.waiting import until


class Ending:
    """A server that is told to end, without signals."""

    def __init__(self, app: Echo, drain_seconds: float) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.ready = asyncio.Event()
        self.server = _Server(app, drain_seconds, self.ready)
        self.serving = asyncio.create_task(self.server.serve(sockets=[self.listener]))

    def tell(self) -> None:
        """Do what SIGTERM does."""
        self.server.tell()


class _Server(Server):
    def __init__(self, app: Echo, drain_seconds: float, ready: asyncio.Event) -> None:
        super().__init__(lambda: app, Limits(), drain_seconds, ready.set, loop="none")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def tell(self) -> None:
        self._told(15, None)


@contextlib.asynccontextmanager
async def ending(drain_seconds: float = 0.0, app: Echo | None = None) -> AsyncIterator[Ending]:
    """Have a server inside the block."""
    made = Ending(app or Echo(), drain_seconds)
    await made.ready.wait()
    try:
        yield made
    finally:
        made.tell()
        made.tell()
        await made.serving


async def asked(raw: Raw, path: str = "/") -> dict[str, str]:
    """Return the headers of an answer."""
    await raw.send(get(path))
    status, headers, _ = await raw.answer()
    assert status == 200
    return headers


async def test_while_it_drains_every_answer_is_the_last_of_its_connection() -> None:
    app = Echo()
    async with (
        ending(drain_seconds=60, app=app) as made,
        connected(made.url) as idle,
        connected(made.url) as busy,
    ):
        assert "connection" not in await asked(idle)
        await busy.send(get("/wait"))
        await app.waiting.acquire()
        made.tell()

        async def drains() -> bool:
            return made.server.intake.is_draining

        await until(drains)
        app.go_on.set()
        assert (await busy.answer())[1]["connection"] == "close"
        assert (await asked(idle))["connection"] == "close"
        assert not await idle.ends()
        async with connected(made.url) as late:
            assert (await asked(late))["connection"] == "close"
        assert not made.serving.done()


async def test_what_has_begun_is_finished_and_what_is_idle_is_ended_without_a_reset() -> None:
    app = Echo()
    async with contextlib.AsyncExitStack() as stack:
        made = await stack.enter_async_context(ending(app=app))
        idle, working, sending, fresh = [
            await stack.enter_async_context(connected(made.url)) for _ in range(4)
        ]
        await asked(idle)
        await working.send(get("/wait"))
        await app.waiting.acquire()
        await sending.send(post("/", 10) + b"12345")
        made.tell()
        assert not await idle.ends()
        assert await asked(fresh)  # it came before the end, its request after it
        await sending.send(b"67890")
        assert (await sending.answer())[1]["connection"] == "close"
        app.go_on.set()
        assert (await working.answer())[1]["connection"] == "close"
        await made.serving


async def test_connections_in_the_backlog_are_answered() -> None:
    app = Echo()
    async with ending(app=app) as made:
        # Twenty handshakes that nobody has accepted yet when the order to end is carried out.
        sockets = [socket.create_connection(made.listener.getsockname()) for _ in range(20)]
        for opened in sockets:
            opened.sendall(get())
        made.tell()
        for opened in sockets:
            reader, writer = await asyncio.open_connection(sock=opened)
            raw = Raw(reader, writer)
            assert (await raw.answer())[0] == 200
            writer.close()
        await made.serving


async def test_told_twice_it_ends_at_once() -> None:
    app = Echo()
    async with ending(drain_seconds=600, app=app) as made, connected(made.url) as raw:
        await raw.send(get("/wait"))
        await app.waiting.acquire()
        made.tell()
        await asyncio.sleep(0)
        made.tell()
        await asyncio.wait_for(made.serving, 10)
        with contextlib.suppress(ConnectionError):
            assert not await raw.ends()
