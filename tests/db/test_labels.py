"""That no deleted label is anybody's default: no foreign key sees to it."""

import asyncio
from collections.abc import Awaitable

import asyncpg
import pytest

from rasl.db import labels, tenants
from rasl.db.labels import SOURCES, STATUSES, LabelTable
from rasl.db.pool import Database, Db
from tests.waiting import until
from tests.world import World

TABLES = pytest.mark.parametrize("table", [SOURCES, STATUSES], ids=lambda table: table.name)


async def _create(database: Database, table: LabelTable, tenant_id: int) -> int:
    async with database.connection() as db:
        label = await labels.create_label(db, table, tenant_id, "Fair", None)
    assert label is not None
    return int(label["id"])


async def _choose(db: Db, table: LabelTable, tenant_id: int, label_id: int) -> bool:
    """Do what changing a tenant does; returns whether there is such a label."""
    if not await tenants.hold_default(db, tenant_id, label_id, table.name):
        return False
    await tenants.change_tenant(db, tenant_id, {str(table.default_column): label_id})
    return True


async def _default(database: Database, table: LabelTable, tenant_id: int) -> int:
    async with database.connection() as db:
        tenant = await tenants.find_tenant_by_id(db, tenant_id)
    assert tenant is not None
    return int(tenant[str(table.default_column)])


async def _waiting(database: Database, begun: Awaitable[object]) -> None:
    async def is_waiting() -> bool:
        async with database.connection() as db:
            return bool(await db.fetchval("select count(*) from pg_locks where not granted"))

    assert begun is not None
    await until(is_waiting)


@TABLES
async def test_a_default_is_not_deleted(database: Database, world: World, table: LabelTable) -> None:
    tenant_id = world.acme.tenant_id
    default_id = await _default(database, table, tenant_id)
    async with database.connection() as db:
        assert await labels.delete_label(db, table, tenant_id, default_id) is False
        assert await labels.find_label(db, table, tenant_id, default_id) is not None


@TABLES
async def test_a_deletion_waits_for_whoever_makes_the_label_the_default(
    database: Database, world: World, table: LabelTable
) -> None:
    tenant_id = world.acme.tenant_id
    label_id = await _create(database, table, tenant_id)

    async def delete() -> bool | None:
        async with database.connection() as db:
            return await labels.delete_label(db, table, tenant_id, label_id)

    async with database.transaction() as db:
        assert await _choose(db, table, tenant_id, label_id)
        deletion = asyncio.create_task(delete())
        await _waiting(database, deletion)
    assert await deletion is False
    assert await _default(database, table, tenant_id) == label_id


@TABLES
async def test_whoever_makes_a_label_the_default_waits_for_its_deletion(
    database: Database, world: World, table: LabelTable
) -> None:
    tenant_id = world.acme.tenant_id
    before = await _default(database, table, tenant_id)
    label_id = await _create(database, table, tenant_id)

    async def choose() -> bool:
        async with database.transaction() as db:
            return await _choose(db, table, tenant_id, label_id)

    async with database.transaction() as db:
        assert await labels.delete_label(db, table, tenant_id, label_id)
        choice = asyncio.create_task(choose())
        await _waiting(database, choice)
    assert await choice is False
    assert await _default(database, table, tenant_id) == before


async def test_the_program_of_before_is_kept_from_it_by_triggers(database: Database, world: World) -> None:
    acme = world.acme
    async with database.connection() as db:
        for table, label_id in ((SOURCES, acme.source_id), (STATUSES, acme.status_id)):
            is_gone = await labels.delete_label(db, table, acme.tenant_id, label_id)
            assert is_gone is False
            with pytest.raises(asyncpg.ForeignKeyViolationError):
                await db.execute(
                    f"delete from {table.name} where tenant_id = $1 and id = $2", acme.tenant_id, label_id
                )


async def test_deletions_and_choices_at_once_leave_every_default_in_place(
    database: Database, world: World
) -> None:
    tenant_id = world.acme.tenant_id
    for _ in range(20):
        label_id = await _create(database, SOURCES, tenant_id)
        start = asyncio.Barrier(2)

        async def delete(label_id: int = label_id, start: asyncio.Barrier = start) -> None:
            async with database.connection() as db:
                await start.wait()
                await labels.delete_label(db, SOURCES, tenant_id, label_id)

        async def choose(label_id: int = label_id, start: asyncio.Barrier = start) -> None:
            async with database.transaction() as db:
                await start.wait()
                await _choose(db, SOURCES, tenant_id, label_id)

        await asyncio.gather(delete(), choose())
        default_id = await _default(database, SOURCES, tenant_id)
        async with database.transaction() as db:
            assert await labels.find_label(db, SOURCES, tenant_id, default_id) is not None
            # Another default, and the name is free.
            await tenants.change_tenant(db, tenant_id, {"default_source_id": world.acme.source_id})
            await labels.delete_label(db, SOURCES, tenant_id, label_id)
