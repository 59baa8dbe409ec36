"""Wakes loops when somebody wrote work for them; polling covers the time without a connection."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg

from rasl.db.pool import Database
from rasl.dispatch.guard import Guard

_PAUSE_SECONDS = 1.0


async def listen(database: Database, wakes: Mapping[str, Sequence[asyncio.Event]]) -> None:
    """Set the events of a channel whenever it is notified, until cancelled."""
    guard = Guard("listen")
    while True:
        await guard.run(lambda: _listen_once(database, wakes))
        await asyncio.sleep(_PAUSE_SECONDS)


async def _listen_once(database: Database, wakes: Mapping[str, Sequence[asyncio.Event]]) -> None:
    connection = await database.dedicated()
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())

    def wake(_connection: Any, _pid: int, channel: str, _payload: object) -> None:
        for event in wakes[channel]:
            event.set()

    try:
        for channel in wakes:
            await connection.add_listener(channel, wake)
        await lost.wait()
    finally:
        with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            await connection.close(timeout=1)
