"""Real servers inside the test's event loop, and clients that speak to them."""

import asyncio
import atexit
import contextlib
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from rasl.server import Limits, Server
from rasl.settings import Settings
from tests.world import SECRET_KEY, Person, World

_FOLDER = tempfile.TemporaryDirectory(prefix="rasl-tests-")
atexit.register(_FOLDER.cleanup)


class _Server(Server):
    """Our server, which says when it is ready and leaves the process's signals alone."""

    settle_seconds = 0.0

    def __init__(self, app: Any, limits: Limits) -> None:
        super().__init__(lambda: app, limits, loop="none")
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextlib.asynccontextmanager
async def served(app: Any, limits: Limits | None = None) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port and give its base URL."""
    async with serving(app, limits) as (_, url):
        yield url


@contextlib.asynccontextmanager
async def serving(app: Any, limits: Limits | None = None) -> AsyncIterator[tuple[Server, str]]:
    """Serve an ASGI application on a free port and give the server and its base URL."""
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        async with serving_sockets(app, limits or Limits(), [listener]) as server:
            yield server, f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextlib.asynccontextmanager
async def serving_sockets(app: Any, limits: Limits, sockets: list[socket.socket]) -> AsyncIterator[Server]:
    """Serve an ASGI application on these sockets."""
    server = _Server(app, limits)
    running = asyncio.create_task(server.serve(sockets=sockets))
    ready = asyncio.create_task(server.ready.wait())
    try:
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
        yield server
    finally:
        ready.cancel()
        server.should_exit = True
        await running


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: Any
    body: Any

    @property
    def data(self) -> Any:
        """The envelope's data; the answer must be a good one."""
        assert self.body["success"] is True, self.body
        return self.body["data"]

    @property
    def code(self) -> Any:
        """The error code; the answer must be a bad one."""
        assert self.body["success"] is False, self.body
        return self.body["error"]["code"]

    @property
    def details(self) -> Any:
        """The error's details."""
        return self.body["error"]["details"]


class Client:
    """Calls one base URL, as one person."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str, headers: dict[str, str]) -> None:
        self.session = session
        self.base_url = base_url
        self._headers = headers

    async def call(
        self, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
    ) -> Answer:
        """Send a request; `path` is below the base URL."""
        merged = {**self._headers, **(headers or {})}
        async with self.session.request(method, self.base_url + path, headers=merged, **options) as answer:
            is_json = answer.content_type == "application/json"
            return Answer(
                answer.status, answer.headers, await answer.json() if is_json else await answer.text()
            )

    async def get(self, path: str, **options: Any) -> Answer:
        """GET."""
        return await self.call("GET", path, **options)

    async def post(self, path: str, body: Any = None, **options: Any) -> Answer:
        """POST JSON."""
        return await self.call("POST", path, **({"json": body} if body is not None else {}), **options)

    async def send(self, phone: str, message: str = "hello", **options: Any) -> Answer:
        """Send a text."""
        return await self.post("/api/v2/messages/text", {"phone": phone, "message": message}, **options)


@dataclass(frozen=True)
class Api:
    """A running API with the people of the test world as clients, and the simulator behind it."""

    base_url: str
    world: World
    acme: Client
    globex: Client
    reader: Client
    nobody: Client
    simulator: Client
    settings: Settings


def settings_for(simulator_url: str, **changes: Any) -> Settings:
    """Settings of a test server; its files go into a folder that vanishes with the process."""
    defaults: dict[str, Any] = {
        "data_dir": Path(_FOLDER.name),
        "allow_private_urls": True,
        "pool_size": 4,
        "admin_port": 8080,  # the usual port: the operator API is beside the API
    }
    return Settings(secret_key=SECRET_KEY, graph_base_url=simulator_url, **{**defaults, **changes})


@contextlib.asynccontextmanager
async def api_clients(world: World, url: str, settings: Settings) -> AsyncIterator[Api]:
    """Give the people of the world clients of the API at this URL, and wipe the simulator's memory."""
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        simulator = Client(session, settings.graph_base_url, {})
        await simulator.post("/_control/reset", {})
        for person in (world.acme, world.globex):
            await register(simulator, person)
        yield Api(
            base_url=url,
            world=world,
            acme=Client(session, url, world.acme.headers),
            globex=Client(session, url, world.globex.headers),
            reader=Client(session, url, {"authorization": f"Bearer {world.acme.read_only_token}"}),
            nobody=Client(session, url, {}),
            simulator=simulator,
            settings=settings,
        )


async def register(simulator: Client, person: Person) -> None:
    """Make a person's number known to the simulator."""
    answer = await simulator.post(
        "/_control/numbers",
        {
            "phone_number_id": person.phone_number_id,
            "waba_id": person.waba_id,
            "tokens": [person.access_token],
            "app_secret": person.app_secret,
            "throughput": 1000,
            "window": "off",
        },
    )
    assert answer.status == 200, answer.body


async def graph_requests(api: Api) -> list[dict[str, Any]]:
    """Return the sends the simulator received."""
    answer = await api.simulator.get("/_control/requests?limit=1000")
    return list(answer.body["data"])
