"""Loads the files that people send, a few at once for each number."""

import asyncio
import contextlib

from rasl import log
from rasl.db import jobs, tenants
from rasl.db.media import KIND
from rasl.dispatch.waiting import first_of
from rasl.domain.tenants import Number
from rasl.errors import ServiceUnavailable
from rasl.services import receiving_media
from rasl.services.callers import read_number
from rasl.services.engine import Engine
from rasl.services.receiving_media import LEASE, Claim

IN_FLIGHT = 16
PER_NUMBER = 4  # of one claim
POLL_SECONDS = 1.0
_PAUSE_SECONDS = 1.0
_logger = log.get_logger()


class MediaReceiver:
    """The download loop of one worker; each step can be run by itself."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._running: dict[asyncio.Task[None], Claim] = {}

    async def step(self) -> int:
        """Claim due downloads and start them; returns how many."""
        room = IN_FLIGHT - len(self._running)
        if room <= 0:
            return 0
        async with self._engine.database.connection() as db:
            claims = await jobs.claim(db, KIND, room, PER_NUMBER, LEASE)
            numbers = (
                await tenants.load_numbers(db, sorted({row["queue_id"] for row in claims})) if claims else []
            )
        by_id = {row["number_id"]: read_number(row, self._engine.sealer) for row in numbers}
        for row in claims:
            claim = Claim(row["tenant_id"], row["subject_id"], row["fence"], row["attempts"])
            task = asyncio.create_task(self._load(by_id[row["queue_id"]], claim))
            self._running[task] = claim
            task.add_done_callback(self._running.pop)
        return len(claims)

    async def _load(self, number: Number, claim: Claim) -> None:
        try:
            await receiving_media.load(self._engine, number, claim)
        except ServiceUnavailable:
            # Its lease runs out and it is claimed again: loading twice harms nobody.
            _logger.warning("file_waits_for_database", message_id=claim.message_id)
        except Exception:
            _logger.exception("loading_failed", message_id=claim.message_id)

    async def careful_step(self) -> int:
        """Run a step; a failure costs a pause."""
        try:
            return await self.step()
        except ServiceUnavailable:
            _logger.warning("files_wait_for_database")
        except Exception:
            _logger.exception("loading_step_failed")
        await asyncio.sleep(_PAUSE_SECONDS)
        return 0

    async def drain(self) -> None:
        """Wait until everything that was begun is settled."""
        while self._running:
            await asyncio.wait(self._running)

    async def give_up(self) -> None:
        """End what is under way and leave it to another process."""
        ended = dict(self._running)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)
        if ended:
            async with self._engine.database.connection() as db:
                held = [(claim.tenant_id, claim.message_id, claim.fence, 0.0) for claim in ended.values()]
                await jobs.release(db, KIND, held)


async def run(engine: Engine, wake: asyncio.Event, stop: asyncio.Event) -> None:
    """Load files until stopped."""
    receiver = MediaReceiver(engine)
    while not stop.is_set():
        wake.clear()
        if not await receiver.careful_step():
            await first_of((wake, stop), POLL_SECONDS)
    with contextlib.suppress(ServiceUnavailable):
        await receiver.give_up()
