"""Imports whoever applies them, and however often somebody dies."""

from typing import Any

import pytest

from rasl.db import jobs
from rasl.db.imports import KIND
from rasl.db.pool import Database
from rasl.dispatch.kinds import importing
from rasl.dispatch.kinds.importing import Importing
from rasl.domain import backoff
from rasl.services.imports import chunks, uploads
from rasl.services.imports.chunks import LEASE, LostError
from tests.dispatch.looping import loop_on, step
from tests.services.imports.imported import accept, consistent, contacts, count, counts, csv, finish, numbers
from tests.world import World


@pytest.mark.parametrize("dies_after", [0, 1, 2])
@pytest.mark.usefixtures("chunks_of_three")
async def test_another_worker_goes_on_where_one_died(
    database: Database, world: World, dies_after: int
) -> None:
    tenant_id = world.acme.tenant_id
    rows = [*numbers(0, 10), "bad", *numbers(5, 8)]
    import_id = await accept(database, tenant_id, csv("phone", rows))
    async with database.connection() as db:
        (job,) = await jobs.claim(db, KIND, jobs.Ask(1, 1), LEASE)
    dead = (tenant_id, import_id, job["fence"])
    if dies_after:
        assert not await chunks.apply(database, dead, dies_after)
    assert not await step(loop_on(database, Importing))  # the lease still stands
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now() - interval '1 second'")
    await finish(database)
    with pytest.raises(LostError):
        await chunks.apply(database, dead)
    row, _ = await uploads.get_import(database, tenant_id, import_id)
    assert (row["status"], *counts(row)) == ("done", 14, 10, 0, 3, 1)
    assert [row["phone"] for row in await contacts(database, tenant_id)] == numbers(0, 10)
    await consistent(database, tenant_id)


@pytest.mark.usefixtures("chunks_of_three")
async def test_a_late_waker_applies_nothing(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await accept(database, world.acme.tenant_id, csv("phone", numbers(0, 7)))
    async with database.connection() as db:
        (job,) = await jobs.claim(db, KIND, jobs.Ask(1, 1), LEASE)
    late = (world.acme.tenant_id, import_id, job["fence"])
    prepare = chunks._prepare

    async def slowly(*arguments: Any) -> Any:
        chunk = await prepare(*arguments)
        monkeypatch.setattr(chunks, "_prepare", prepare)
        async with database.connection() as db:
            await db.execute("update jobs set due_at = now() - interval '1 second'")
        await finish(database)
        return chunk

    monkeypatch.setattr(chunks, "_prepare", slowly)
    with pytest.raises(LostError):
        await chunks.apply(database, late)
    assert await count(database, "contacts") == 7
    await consistent(database, world.acme.tenant_id)


@pytest.mark.usefixtures("chunks_of_three")
async def test_tenants_take_turns(database: Database, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "TURN_CHUNKS", 1)
    ids = [await accept(database, world.acme.tenant_id, csv("phone", numbers(0, 9)))]
    ids += [await accept(database, world.globex.tenant_id, csv("phone", numbers(0, 9)))]
    loop = loop_on(database, Importing)
    for _ in range(2):
        assert await step(loop)
    async with database.connection() as db:
        done = await db.fetch("select chunks_done from contact_imports")
    assert [row["chunks_done"] for row in done] == [1, 1]
    await finish(database)
    assert await count(database, "contacts") == 18


async def test_an_import_that_keeps_failing_is_shown_as_failed_and_can_be_tried_again(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = await accept(database, world.acme.tenant_id, csv("phone", numbers(0, 3)))

    async def broken(*_: Any) -> Any:
        raise RuntimeError("broken on purpose")

    prepare = chunks._prepare
    monkeypatch.setattr(chunks, "_prepare", broken)
    for _ in range(backoff.MAX_JOB_FAILURES):
        async with database.connection() as db:
            await db.execute("update jobs set due_at = now()")
        assert await step(loop_on(database, Importing)) == 1
    row, _ = await uploads.get_import(database, world.acme.tenant_id, import_id)
    assert (row["status"], row["created"]) == ("failed", 0)
    assert "could not be applied" in row["failure"]
    assert await step(loop_on(database, Importing)) == 0
    monkeypatch.setattr(chunks, "_prepare", prepare)
    async with database.connection() as db:
        assert await jobs.retry(db, KIND, world.acme.tenant_id, import_id) == 1
    await finish(database)
    row, _ = await uploads.get_import(database, world.acme.tenant_id, import_id)
    assert (row["status"], row["failure"], row["created"]) == ("done", None, 3)
    assert await count(database, "jobs") == await count(database, "import_chunks") == 0


async def test_an_import_that_failed_long_ago_is_given_up(database: Database, world: World) -> None:
    import_id = await accept(database, world.acme.tenant_id, csv("phone", numbers(0, 3)))
    async with database.connection() as db:
        await db.execute(
            """
            update jobs set failures = 10, due_at = 'infinity', set_aside_at = now() - interval '8 days'
            """
        )
    await uploads.give_up_old(database)
    row, _ = await uploads.get_import(database, world.acme.tenant_id, import_id)
    assert row["status"] == "failed"
    assert await count(database, "jobs") == await count(database, "import_chunks") == 0
