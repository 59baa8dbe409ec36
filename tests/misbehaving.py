"""A web server that serves files, and does everything else that web servers do."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

from tests import samples


@dataclass
class Files:
    """A running server: its address, and how often each path was asked for."""

    url: str
    asked: Counter[str] = field(default_factory=Counter)
    headers: list[dict[str, str]] = field(default_factory=list)


async def picture(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=samples.PNG, content_type="application/octet-stream")


async def named(_request: web.Request) -> web.StreamResponse:
    headers = {"content-disposition": 'attachment; filename="Price list.pdf"'}
    return web.Response(body=samples.PDF, content_type="application/pdf", headers=headers)


async def page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<html>Please log in</html>", content_type="text/html")


async def disguised_page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<!DOCTYPE html><html>", content_type="text/plain")


async def missing(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=404, text="no such file")


async def elsewhere(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"location": request.query["to"]})


async def circle(request: web.Request) -> web.StreamResponse:
    return web.Response(status=307, headers={"location": str(request.url)})


async def nowhere(_request: web.Request) -> web.StreamResponse:
    return web.Response(status=301)


async def silent(_request: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def dripping(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x")
        await asyncio.sleep(0.01)


async def endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(bytes(65_536))


async def large(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=samples.PNG + bytes(6 * 1024 * 1024))


async def broken(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "100000"})
    await response.prepare(request)
    await response.write(samples.PNG)
    assert request.transport
    request.transport.close()
    return response


async def compressed(_request: web.Request) -> web.StreamResponse:
    return web.Response(body=b"\x1f\x8b" + bytes(30), headers={"content-encoding": "gzip"})


_PATHS: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = {
    "/photo.png": picture,
    "/download": picture,
    "/pdf": named,
    "/page": page,
    "/page.txt": disguised_page,
    "/missing": missing,
    "/elsewhere": elsewhere,
    "/circle": circle,
    "/nowhere": nowhere,
    "/silent": silent,
    "/dripping": dripping,
    "/endless": endless,
    "/large": large,
    "/broken": broken,
    "/compressed": compressed,
}


@contextlib.asynccontextmanager
async def misbehaving() -> AsyncIterator[Files]:
    """Serve inside the block."""
    files = Files("")

    @web.middleware
    async def counted(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        files.asked[request.path] += 1
        files.headers.append(dict(request.headers))
        return await handler(request)

    app = web.Application(middlewares=[counted])
    for path, answer in _PATHS.items():
        app.router.add_get(path, answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    files.url = f"http://{host}:{port}"
    try:
        yield files
    finally:
        await runner.cleanup()
