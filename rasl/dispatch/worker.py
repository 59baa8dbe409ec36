"""One worker process: sending, applying what Meta posted, and the schedule, until told to stop."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from rasl import log
from rasl.db.channels import INGESTS, JOBS
from rasl.dispatch import importing, ingesting, receiving_media, reconciling, ungrouping
from rasl.dispatch.sending import Sender
from rasl.errors import ServiceUnavailable
from rasl.services import otp, otp_guard, purging, sending
from rasl.services.engine import Engine

_logger = log.get_logger()
_HOUR = 3600.0


class Worker:
    """Everything that happens without a request."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._wake_sender = asyncio.Event()
        self._wake_ingest = asyncio.Event()
        self._wake_media = asyncio.Event()
        self._purged = purging.Ground(engine.database, engine.media_store)

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, then finish what is in flight."""
        sender = Sender(self._engine)
        beside = [
            asyncio.create_task(self._listen()),
            asyncio.create_task(self._every(self._engine.settings.lease_seconds / 3, self._extend_leases)),
            asyncio.create_task(self._every(_HOUR / 12, self._forget)),
            asyncio.create_task(self._every(_HOUR / 60, self._guard_otps)),
            asyncio.create_task(reconciling.run(self._engine)),
        ]
        ingest = ingesting.run(self._engine.database, self._engine.sealer, self._wake_ingest, stop)
        _logger.info("worker_started")
        try:
            await asyncio.gather(
                sender.run(self._wake_sender, stop),
                ingest,
                importing.run(self._engine.database, stop),
                receiving_media.run(self._engine, self._wake_media, stop),
                ungrouping.run(self._engine.database, stop),
            )
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            _logger.info("worker_stopped")

    async def _listen(self) -> None:
        """Wake the loops when somebody wrote work for them; polling covers the time without a connection."""
        while True:
            try:
                await self._listen_once()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await asyncio.sleep(1)

    async def _listen_once(self) -> None:
        connection = await self._engine.database.dedicated()
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())

        def wake(_connection: Any, _pid: int, channel: str, _payload: object) -> None:
            if channel == INGESTS:
                self._wake_ingest.set()
            else:
                self._wake_sender.set()
                self._wake_media.set()

        try:
            await connection.add_listener(JOBS, wake)
            await connection.add_listener(INGESTS, wake)
            await lost.wait()
        finally:
            with contextlib.suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
                await connection.close(timeout=1)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except ServiceUnavailable:
                _logger.warning("schedule_waits_for_database")
            except Exception:
                _logger.exception("schedule_failed")

    async def _extend_leases(self) -> None:
        await sending.extend_leases(self._engine)

    async def _guard_otps(self) -> None:
        """Erase codes whose time is over, and look whether those that were sent come back."""
        await otp.sweep(self._engine.database)
        await otp_guard.raise_alarms(self._engine.database, self._engine.settings)

    async def _forget(self) -> None:
        """Drop what is past its time."""
        await purging.run_beside(self._purged, self._engine.settings)
