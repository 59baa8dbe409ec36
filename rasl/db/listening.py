"""One connection that hears what other processes tell with NOTIFY, opened again whenever it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Callable, Mapping
from typing import Any

import asyncpg

from rasl import log
from rasl.db.pool import Database, Row
from rasl.errors import ServiceUnavailable

_BEAT_SECONDS = 5.0  # a connection whose other end vanished without a word is found out by asking
_PAUSE_SECONDS = 0.5
_logger = log.get_logger()


class Listener:
    """Calls `tell` of a channel with each payload; `hearing` is told when news can come in, and when not any more.

    What happened while nobody listened is not told later: whoever remembers something has to forget it when hearing
    begins again.
    """

    def __init__(
        self,
        database: Database,
        channels: Mapping[str, Callable[[str], None]],
        hearing: Callable[[bool], None],
    ) -> None:
        self._database = database
        self._channels = channels
        self._hearing = hearing

    async def run(self) -> None:
        """Listen until cancelled, whatever happens to the connection."""
        is_told = False
        while True:
            try:
                await self._listen()
            except Exception as error:  # noqa: BLE001 - a listener that ended would leave everybody with old news
                # An outage of the database is told by whoever lends its connections.
                if not (is_told or isinstance(error, ServiceUnavailable)):
                    _logger.warning("listening_interrupted", error=type(error).__name__)
                is_told = True
            else:
                is_told = False
            await asyncio.sleep(_PAUSE_SECONDS * (0.5 + random.random()))  # noqa: S311 - spreads the reconnects

    async def _listen(self) -> None:
        """Listen on one connection until it is lost."""
        connection = await self._database.dedicated()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel, tell in self._channels.items():
                await connection.add_listener(channel, _told(tell))
            self._hearing(True)
            while not await _is_set(lost, _BEAT_SECONDS):
                await _ask(connection)
        finally:
            self._hearing(False)
            await _closed(connection)


def _told(tell: Callable[[str], None]) -> Callable[..., None]:
    def hear(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        tell(str(payload))

    return hear


async def _is_set(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


async def _ask(connection: asyncpg.Connection[Row]) -> None:
    await connection.execute("select 1", timeout=_BEAT_SECONDS)


async def _closed(connection: asyncpg.Connection[Row]) -> None:
    with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
        await connection.close(timeout=1)
