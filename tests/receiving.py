"""A receiver of webhooks that answers as n8n and others do: 200, 404 while inactive, 410, 429, slowly, or never."""

import asyncio
import contextlib
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web

# What n8n says of a workflow that is not active.
INACTIVE = '{"code":404,"message":"The requested webhook \\"POST rasl\\" is not registered."}'
NEVER = 0


@dataclass(frozen=True)
class Got:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The public id of the event."""
        return self.headers["webhook-id"]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return msgspec.json.decode(self.body)


@dataclass
class Receiver:
    """A running receiver; each path answers what `answers` holds for it, one after the other, then 200."""

    url: str = ""
    got: list[Got] = field(default_factory=list)
    answers: dict[str, deque[int]] = field(default_factory=lambda: defaultdict(deque))
    always: dict[str, int] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    text: str = "ok"
    news: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    def at(self, path: str) -> list[Got]:
        """Return what came to a path."""
        return [it for it in self.got if it.path == path]

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Keep a request and answer it."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.got.append(Got(request.path, headers, await request.read()))
        self.news.set()
        waiting = self.answers[request.path]
        status = waiting.popleft() if waiting else self.always.get(request.path, 200)
        if status == NEVER:
            await self.go_on.wait()
            status = 200
        text = INACTIVE if status == 404 else self.text
        return web.Response(status=status, text=text, headers=self.headers if status != 200 else {})


@contextlib.asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Run a receiver on a free port inside the block."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield receiver
    finally:
        receiver.go_on.set()
        await runner.cleanup()
