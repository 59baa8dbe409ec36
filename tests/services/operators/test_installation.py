"""Whoever starts first with a key decides which one it is."""

import asyncio

import asyncpg
import pytest

from rasl.db.schema import migrate
from rasl.sealing import Sealer
from rasl.services.operators.installation import WrongKeyError, check_key, claim_key


async def _claim(dsn: str, key: str, barrier: asyncio.Barrier) -> str | None:
    connection = await asyncpg.connect(dsn)
    try:
        await barrier.wait()
        await claim_key(connection, Sealer(key))
    except WrongKeyError:
        return None
    finally:
        await connection.close()
    return key


async def test_of_many_first_starters_one_decides(empty_dsn: str) -> None:
    await migrate(empty_dsn)
    keys = [f"key number {number % 4} of several that could be it" for number in range(12)]
    barrier = asyncio.Barrier(len(keys))
    winners = set(await asyncio.gather(*(_claim(empty_dsn, key, barrier) for key in keys))) - {None}
    assert len(winners) == 1
    connection = await asyncpg.connect(empty_dsn)
    try:
        for key in keys:
            if key in winners:
                await check_key(connection, Sealer(key))
            else:
                with pytest.raises(WrongKeyError):
                    await check_key(connection, Sealer(key))
    finally:
        await connection.close()


async def test_before_its_migration_there_is_nothing_to_compare(empty_dsn: str) -> None:
    connection = await asyncpg.connect(empty_dsn)
    try:
        await check_key(connection, Sealer("k" * 40))
    finally:
        await connection.close()
