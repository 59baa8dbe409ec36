"""An independent client: sends over HTTP, and writes down what it asked and what it was answered."""

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import aiohttp

_PATIENCE = aiohttp.ClientTimeout(total=40)


class History:
    """An append-only record of one run, in memory and as JSON lines on disk."""

    def __init__(self, path: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._file = path.open("a", encoding="utf-8")
        self._ops = itertools.count(1)

    def ask(self, body: str, key: str | None = None) -> int:
        """Note a request before it is sent."""
        op = next(self._ops)
        self._add({"event": "asked", "op": op, "body": body, "key": key})
        return op

    def answer(self, op: int, seconds: float, http: int, value: Any, headers: Any) -> dict[str, Any]:
        """Note what it was answered."""
        data, error = value.get("data") or {}, value.get("error") or {}
        return self._add(
            {
                "event": "answered",
                "op": op,
                "http": http,
                "code": error.get("code"),
                "id": data.get("chat_message_id") or (error.get("details") or {}).get("chat_message_id"),
                "status": data.get("status"),
                "value": data or error,
                "replayed": headers.get("idempotent-replayed") == "true",
                "seconds": seconds,
            }
        )

    def broken(self, op: int, seconds: float, error: BaseException) -> dict[str, Any]:
        """Note that no answer came."""
        return self._add({"event": "broken", "op": op, "error": type(error).__name__, "seconds": seconds})

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def answers(self, *http: int) -> list[dict[str, Any]]:
        """Return the answers, of these HTTP statuses or all."""
        return [
            event
            for event in self.events
            if event["event"] == "answered" and (not http or event["http"] in http)
        ]

    def ways_to_break(self) -> set[str]:
        """Return how requests ended that had no answer."""
        return {event["error"] for event in self.events if event["event"] == "broken"}

    def broken_bodies(self) -> set[str]:
        """Return the bodies of requests whose connection ended before an answer, refused ones aside."""
        asked = {event["op"]: event["body"] for event in self.events if event["event"] == "asked"}
        return {
            asked[event["op"]]
            for event in self.events
            if event["event"] == "broken" and event["error"] != "ClientConnectorError"
        }

    def _add(self, event: dict[str, Any]) -> dict[str, Any]:
        self.events.append(event)
        self._file.write(json.dumps({"at": time.time(), **event}) + "\n")
        self._file.flush()
        return event


class Load:
    """Sends texts with bodies that never repeat, to a thousand recipients in turn."""

    def __init__(self, session: aiohttp.ClientSession, history: History, token: str, prefix: str) -> None:
        self.history = history
        self._session = session
        self._token = token
        self._prefix = prefix
        self._numbers = itertools.count(1)

    async def send(
        self, url: str, body: str | None = None, key: str | None = None, *, is_async: bool = False
    ) -> dict[str, Any]:
        """Send one text and return the event that says what came of it."""
        number = next(self._numbers)
        body = body or f"{self._prefix}-{number:05d}"
        headers = {"authorization": f"Bearer {self._token}"}
        headers |= {"idempotency-key": key} if key else {}
        headers |= {"prefer": "respond-async"} if is_async else {}
        # The recipient follows from the body: a repeated request is the same to the byte.
        phone = f"+44207946{sum(map(ord, body)) * 7919 % 1000 if key else number % 1000:04d}"
        op, begun = self.history.ask(body, key), time.monotonic()
        try:
            async with self._session.post(
                f"{url}/api/v2/messages/text",
                json={"phone": phone, "message": body},
                headers=headers,
                timeout=_PATIENCE,
            ) as answer:
                value = await answer.json()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return self.history.broken(op, time.monotonic() - begun, error)
        return self.history.answer(op, time.monotonic() - begun, answer.status, value, answer.headers)

    async def send_many(
        self, urls: Sequence[str], count: int, clients: int, *, is_async: bool = False
    ) -> None:
        """Send so many texts, each client one after the other, to the servers in turn."""
        left = iter(range(count))

        async def client(url: str) -> None:
            for _ in left:
                await self.send(url, is_async=is_async)

        await asyncio.gather(*(client(urls[place % len(urls)]) for place in range(clients)))

    @contextlib.asynccontextmanager
    async def running(self, url: str, clients: int, *, is_async: bool = False) -> AsyncIterator[None]:
        """Keep sending while the block runs; requests under way at its end are finished."""
        is_over = asyncio.Event()

        async def client() -> None:
            while not is_over.is_set():
                event = await self.send(url, is_async=is_async)
                if event["event"] == "broken" or event["http"] == 503:
                    # Nobody is there: the next try is made in a moment, as a client with a back-off would.
                    await asyncio.sleep(0.05)

        tasks = [asyncio.create_task(client()) for _ in range(clients)]
        try:
            yield
        finally:
            is_over.set()
            await asyncio.gather(*tasks)
