"""The pulse of a process shows what its pools go through."""

import asyncio
from typing import Any

import pytest
from prometheus_client import REGISTRY

from rasl.db.pool import Database, Meter
from rasl.errors import ServiceUnavailable
from rasl.services.operators import vitals
from tests.waiting import until


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, {"pool": "tried main", **labels}) or 0.0


async def test_pools_are_counted(dsn: str) -> None:
    database = Database(dsn, 2)
    await database.open()
    for _, meter in database.metered():
        meter.name = f"tried {meter.name}"  # the pulse of an API in this process counts its own pools as well
    published = {meter.name: Meter(meter.name) for _, meter in database.metered()}
    vitals.publish(database, published)
    lent = value("rasl_pool_lent_total")
    assert value("rasl_pool_size") == 2
    async with database.connection(), database.connection():
        waiting = asyncio.create_task(_use(database))
        await asyncio.sleep(0)
        vitals.publish(database, published)
        assert value("rasl_pool_connections", state="lent") == 2
        assert value("rasl_pool_waiting") == 1
        before = value("rasl_pool_timeouts_total")
        with pytest.raises(ServiceUnavailable):
            await waiting
        vitals.publish(database, published)
        assert value("rasl_pool_timeouts_total") == before + 1
        assert value("rasl_pool_waiting") == 0
    vitals.publish(database, published)
    assert value("rasl_pool_lent_total") == lent + 2
    assert value("rasl_pool_wait_seconds_total") > 0
    assert value("rasl_pool_connections", state="lent") == 0
    await database.close()
    vitals.publish(database, published)


async def _use(database: Database) -> None:
    async with database.connection():
        pass


async def test_the_event_loop_is_looked_at_until_the_end(database: Database) -> None:
    def looks() -> Any:
        return REGISTRY.get_sample_value("rasl_event_loop_lag_seconds_count")

    before = looks()
    pulse = asyncio.create_task(vitals.watch(database))

    async def has_looked() -> bool:
        return bool(looks() > before)

    await until(has_looked)
    pulse.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pulse
