"""Chromium, driven through its DevTools protocol: a real browser without another package."""

import asyncio
import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_SECONDS = 120.0


def chromium() -> str | None:
    """Return the browser that `.ci/run` installed, else one of this machine."""
    told = os.environ.get("CHROMIUM")
    return told or next((path for name in _NAMES if (path := shutil.which(name))), None)


class Page:
    """A page of a browser: goes places, runs scripts, remembers what was asked for and what went wrong."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self.loaded = asyncio.Event()
        self.asked: list[str] = []
        self.complaints: list[str] = []

    async def listen(self) -> None:
        """Read what the browser says, until it ends."""
        async for message in self._socket:
            told = message.json()
            if "id" in told:
                self._waiting.pop(told["id"]).set_result(told)
            else:
                self._note(told["method"], told["params"])

    def _note(self, method: str, params: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.asked.append(params["request"]["url"])
        elif method == "Page.loadEventFired":
            self.loaded.set()
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")

    async def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Give an order and return what came of it."""
        number = next(self._numbers)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        told = await asyncio.wait_for(self._waiting[number], _SECONDS)
        assert "error" not in told, told
        result: dict[str, Any] = told["result"]
        return result

    async def go(self, url: str) -> None:
        """Open a page and wait until it is there."""
        self.loaded.clear()
        await self.send("Page.navigate", url=url)
        await asyncio.wait_for(self.loaded.wait(), _SECONDS)

    async def run(self, script: str) -> Any:
        """Run an expression, a promise until it is kept, and return its value."""
        told = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, condition: str) -> Any:
        """Wait until an expression is true, looking whenever the page has drawn itself."""
        looking = f"""new Promise((done, fail) => {{
            const end = performance.now() + {_SECONDS * 900};
            const look = () => {{
                const found = ({condition});
                if (found) done(true);
                else if (performance.now() > end) fail(new Error("never: " + {condition!r}));
                else setTimeout(look, 10);
            }};
            look();
        }})"""
        return await self.run(looking)


@contextlib.asynccontextmanager
async def opened() -> AsyncIterator[Page]:
    """Have a browser of its own with one page."""
    program = chromium()
    assert program is not None
    with tempfile.TemporaryDirectory(prefix="rasl-browser-", ignore_cleanup_errors=True) as folder:
        flags = [
            "--headless=new",
            "--remote-debugging-port=0",
            "--no-first-run",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            f"--user-data-dir={folder}",
            *(["--no-sandbox"] if os.geteuid() == 0 else []),
        ]
        process = subprocess.Popen(  # noqa: ASYNC220, S603 - the machine's browser
            [program, *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(
                    await _address(session, Path(folder) / "DevToolsActivePort"), max_msg_size=0
                ) as socket,
            ):
                page = Page(socket)
                listening = asyncio.create_task(page.listen())
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await page.send(f"{domain}.enable")
                yield page
                listening.cancel()
        finally:
            process.kill()  # nothing of it is kept
            process.wait()


async def _address(session: aiohttp.ClientSession, file: Path) -> str:
    """Return where the first page listens, once the browser has written its port."""
    async with asyncio.timeout(_SECONDS):
        while True:
            with contextlib.suppress(OSError, ValueError, LookupError, aiohttp.ClientError, StopIteration):
                port = int((await asyncio.to_thread(file.read_text)).split()[0])
                async with session.get(f"http://127.0.0.1:{port}/json") as answer:
                    pages = await answer.json()
                return next(str(it["webSocketDebuggerUrl"]) for it in pages if it["type"] == "page")
            await asyncio.sleep(0.05)
