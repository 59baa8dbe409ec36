"""One worker process: every kind of job, what Meta posted, and what is done now and then, until told to stop."""

import asyncio
from collections.abc import Sequence

from rasl import log
from rasl.db.channels import INGESTS, JOBS, WEBHOOKS
from rasl.db.listening import Listener
from rasl.dispatch import ingesting, upkeep
from rasl.dispatch.guard import keep_up
from rasl.dispatch.kinds import KINDS
from rasl.dispatch.loop import Loop
from rasl.services.sending.outbox import Outbox

_logger = log.get_logger()


async def work(outbox: Outbox, stop: asyncio.Event) -> None:
    """Do everything that happens without a request until `stop` is set, then finish what is in flight."""
    loops = [Loop(kind(outbox), stop) for kind in KINDS]
    wakes, wake_ingest = [asyncio.Event() for _ in loops], asyncio.Event()
    beside = [
        asyncio.create_task(_listener(outbox, loops, wakes, wake_ingest).run()),
        asyncio.create_task(keep_up(upkeep.acts(outbox, loops))),
    ]
    _logger.info("worker_started")
    try:
        await asyncio.gather(
            *(loop.run(wake) for loop, wake in zip(loops, wakes, strict=True)),
            ingesting.run(outbox.resources.database, outbox.resources.sealer, wake_ingest, stop),
        )
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        _logger.info("worker_stopped")


def _listener(
    outbox: Outbox, loops: Sequence[Loop], wakes: Sequence[asyncio.Event], wake_ingest: asyncio.Event
) -> Listener:
    """Return what wakes loops when somebody wrote work for them; polling covers the time without a connection."""

    def wake(*events: asyncio.Event) -> None:
        for event in events:
            event.set()

    def wakes_of(channel: str) -> list[asyncio.Event]:
        return [event for loop, event in zip(loops, wakes, strict=True) if loop.kind.channel == channel]

    jobs, webhooks = wakes_of(JOBS), wakes_of(WEBHOOKS)
    return Listener(
        outbox.resources.database,
        {
            JOBS: lambda _: wake(*jobs),
            WEBHOOKS: lambda _: wake(*webhooks),
            INGESTS: lambda _: wake(wake_ingest),
        },
        lambda _: wake(*wakes, wake_ingest),
    )
