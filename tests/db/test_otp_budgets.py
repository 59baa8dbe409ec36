import asyncio

from rasl.db import otp_budgets
from rasl.db.pool import Database
from rasl.domain.otp_budgets import Destination, keys
from tests.waiting import until
from tests.world import World


async def test_who_counts_next_waits_and_sees_what_was_counted(database: Database, world: World) -> None:
    counted = keys(world.acme.tenant_id, Destination("447946120001", "GB", "+447946"))

    async def count() -> list[int]:
        async with database.transaction() as db:
            sent, _ = await otp_budgets.lock(db, counted)
            await otp_budgets.add(db, dict.fromkeys(counted, 1), {})
        return sorted(set(sent.values()))

    async def is_waiting() -> bool:
        async with database.connection() as db:
            return bool(await db.fetchval("select count(*) from pg_locks where not granted"))

    assert await count() == [0]
    async with database.transaction() as db:
        sent, _ = await otp_budgets.lock(db, counted)
        assert set(sent.values()) == {1}
        second = asyncio.create_task(count())
        await until(is_waiting)
        await otp_budgets.add(db, dict.fromkeys(counted, 5), {counted[0]: 1})
    assert await second == [6]


async def test_counters_in_any_order_do_not_wait_in_a_ring(database: Database, world: World) -> None:
    phones = [f"44794612{number:04}" for number in range(40)]

    async def count(order: list[str]) -> None:
        wanted = [
            key for phone in order for key in keys(world.acme.tenant_id, Destination(phone, "GB", "+447946"))
        ]
        async with database.transaction() as db:
            await otp_budgets.lock(db, wanted)
            await otp_budgets.add(db, dict.fromkeys(wanted, 1), {})

    await asyncio.gather(*(count(phones[::step]) for step in (1, -1, 1, -1)))
    async with database.connection() as db:
        assert await db.fetchval("select min(sent) from otp_budgets where scope = 'phone'") == 4
