"""Stands between n8n and RASL, and keeps what n8n asks for."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import aiohttp
from aiohttp import web


class Asked(NamedTuple):
    """A request of n8n."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Recorder:
    """A server that forwards everything to RASL."""

    def __init__(self, target: str) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._target = target

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve, at `url`."""
        app = web.Application(client_max_size=32 << 20)
        app.router.add_route("*", "/{path:.*}", self._forward)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with aiohttp.ClientSession() as self._session:
            yield
        await runner.cleanup()

    def posted(self, path: str) -> list[Asked]:
        """Return what was posted to a path of the API."""
        return [one for one in self.asked if (one.method, one.path) == ("POST", f"/api/v2{path}")]

    async def _forward(self, request: web.Request) -> web.Response:
        content = await request.read()
        with contextlib.suppress(ValueError):
            told = json.loads(content or b"null")
            self.asked.append(Asked(request.method, request.path, dict(request.headers), told))
        headers = {
            name: value
            for name, value in request.headers.items()
            if name.lower() not in {"host", "connection"}
        }
        url = f"{self._target}{request.raw_path}"
        async with self._session.request(request.method, url, data=content, headers=headers) as answer:
            kept = {"content-type": answer.headers.get("content-type", "application/json")}
            return web.Response(status=answer.status, body=await answer.read(), headers=kept)
