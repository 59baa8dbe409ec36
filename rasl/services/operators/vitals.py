"""The pulse of a process: how late its event loop is, and how its pools are doing."""

import asyncio

from rasl import clock, metrics
from rasl.db.pool import Database, Meter

_PAUSE = 0.25
_LOOKS = 4  # at the event loop for each look at the pools


async def watch(database: Database) -> None:
    """Look until cancelled; nothing here can fail for want of a database."""
    published: dict[str, Meter] = {}
    while True:
        publish(database, published)
        for _ in range(_LOOKS):
            begun = clock.monotonic()
            await asyncio.sleep(_PAUSE)
            metrics.LOOP_LAG.observe(max(0.0, clock.monotonic() - begun - _PAUSE))


def publish(database: Database, published: dict[str, Meter]) -> None:
    """Bring the metrics of the pools up to date, given what was published of them before."""
    for pool, meter in database.metered():
        name, known = meter.name, published.setdefault(meter.name, Meter(meter.name))
        idle = pool.get_idle_size()
        metrics.POOL_SIZE.labels(name).set(pool.get_max_size())
        metrics.POOL_CONNECTIONS.labels(name, "idle").set(idle)
        metrics.POOL_CONNECTIONS.labels(name, "lent").set(pool.get_size() - idle)
        metrics.POOL_WAITING.labels(name).set(meter.waiting)
        metrics.POOL_LENT.labels(name).inc(meter.lent - known.lent)
        metrics.POOL_TIMEOUTS.labels(name).inc(meter.timeouts - known.timeouts)
        metrics.POOL_WAIT_SECONDS.labels(name).inc(meter.waited_seconds - known.waited_seconds)
        known.lent, known.timeouts, known.waited_seconds = meter.lent, meter.timeouts, meter.waited_seconds
