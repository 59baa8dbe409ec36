"""Delivers webhooks: batches what is due, keeps concurrency bounded, repeats identical bytes until a 200."""

import asyncio
import itertools
import time
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

import aiohttp

from metasim.config import SimulatorConfig
from metasim.journal import DeliveryEntry, Journal
from metasim.payloads import Update, batch, signatures
from metasim.store import Callback
from metasim.timers import Timers

_KEPT_BODY = 16_384


class Outcome(NamedTuple):
    """How one attempt went."""

    http: int | None
    error: str | None

    @property
    def is_ok(self) -> bool:
        """Whether the receiver took it."""
        return self.http == 200


class _Lane:
    """What waits for one callback."""

    def __init__(self, callback: Callback) -> None:
        self.callback = callback
        self.pending: deque[Update] = deque()
        self.in_flight = 0


class _Parcel(NamedTuple):
    number: int
    url: str
    body: bytes
    headers: dict[str, str]
    updates: int
    attempt: int = 1


class Courier:
    """Owns the connections to the callbacks."""

    def __init__(self, config: Callable[[], SimulatorConfig], timers: Timers, journal: Journal) -> None:
        self._config = config
        self._timers = timers
        self._journal = journal
        self._lanes: dict[Callback, _Lane] = {}
        self._numbers = itertools.count(1)
        self._is_flush_due = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._session: aiohttp.ClientSession | None = None
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Updates not posted yet, not counting those that wait for their next attempt."""
        return sum(len(lane.pending) for lane in self._lanes.values())

    @property
    def in_flight(self) -> int:
        """Posts under way."""
        return len(self._tasks)

    def enqueue(self, callback: Callback, update: Update) -> None:
        """Let an update travel with whatever else is due for the same callback."""
        lane = self._lanes.get(callback)
        if lane is None:
            lane = self._lanes[callback] = _Lane(callback)
        lane.pending.append(update)
        if not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)

    async def deliver(
        self,
        callback: Callback,
        body: bytes,
        *,
        updates: int = 1,
        headers: dict[str, str] | None = None,
        is_repeated: bool = True,
    ) -> Outcome:
        """Post one body now and give the first attempt's outcome; a failed one is repeated later."""
        parcel = self._parcel(callback, body, updates, headers)
        outcome = await self._attempt(parcel)
        if not outcome.is_ok and is_repeated:
            self._repeat(parcel)
        return outcome

    def post(self, callback: Callback, body: bytes) -> None:
        """Post one body soon, and again until it is taken."""
        self._start(self._carry_again(self._parcel(callback, body, 1, None)))

    async def session(self) -> aiohttp.ClientSession:
        """The HTTP client, made on first use inside the running loop."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        """Stop delivering."""
        tasks = [*self._tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lanes.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _flush(self) -> None:
        self._is_flush_due = False
        for lane in self._lanes.values():
            self._fill(lane)

    def _fill(self, lane: _Lane) -> None:
        config = self._config()
        pending = lane.pending
        while pending and lane.in_flight < config.webhook_concurrency:
            updates = [pending.popleft() for _ in range(min(len(pending), config.webhook_batch))]
            parcel = self._parcel(lane.callback, batch(updates), len(updates), None)
            lane.in_flight += 1
            self._start(self._carry(lane, parcel))

    async def _carry(self, lane: _Lane, parcel: _Parcel) -> None:
        outcome = await self._attempt(parcel)
        lane.in_flight -= 1
        if not outcome.is_ok:
            self._repeat(parcel)
        self._fill(lane)

    def _parcel(
        self, callback: Callback, body: bytes, updates: int, headers: dict[str, str] | None
    ) -> _Parcel:
        signed = signatures(body, callback.app_secret) if headers is None else headers
        sent = {"Content-Type": "application/json", "User-Agent": "facebookexternalua", **signed}
        return _Parcel(next(self._numbers), callback.url, body, sent, updates)

    def _repeat(self, parcel: _Parcel) -> None:
        config = self._config()
        if parcel.attempt >= config.webhook_max_attempts:
            self.dropped += parcel.updates
            return
        growing = config.webhook_retry_base * 2 ** (parcel.attempt - 2) if parcel.attempt > 1 else 0.0
        again = parcel._replace(attempt=parcel.attempt + 1)
        self._timers.after(min(growing, config.webhook_retry_cap), self._start_again, again)

    def _start_again(self, parcel: _Parcel) -> None:
        self._start(self._carry_again(parcel))

    async def _carry_again(self, parcel: _Parcel) -> None:
        outcome = await self._attempt(parcel)
        if not outcome.is_ok:
            self._repeat(parcel)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _attempt(self, parcel: _Parcel) -> Outcome:
        started = time.time()
        outcome = await self._post(parcel)
        kept = parcel.body if len(parcel.body) <= _KEPT_BODY else b""
        self._journal.deliveries.append(
            DeliveryEntry(
                parcel.number,
                parcel.attempt,
                started,
                parcel.url,
                parcel.updates,
                len(parcel.body),
                outcome.http,
                round((time.time() - started) * 1000, 2),
                outcome.error,
                kept,
            )
        )
        return outcome

    async def _post(self, parcel: _Parcel) -> Outcome:
        session = await self.session()
        timeout = aiohttp.ClientTimeout(total=self._config().webhook_timeout)
        try:
            async with session.post(
                parcel.url, data=parcel.body, headers=parcel.headers, timeout=timeout, allow_redirects=False
            ) as response:
                await response.read()
                return Outcome(response.status, None)
        except TimeoutError:
            return Outcome(None, "timed out")
        except (aiohttp.ClientError, OSError) as error:
            return Outcome(None, f"{type(error).__name__}: {error}")
