"""Deleting a group with more members than the caller waits for: it is gone at once, and leaves its contacts later."""

import asyncio
from typing import Any

import pytest

from rasl.db import contact_groups as rows
from rasl.db import jobs
from rasl.db.pool import Database
from rasl.dispatch.kinds.ungrouping import Ungrouping
from rasl.errors import NotFound
from rasl.services.contacts import groups, labels
from rasl.services.contacts.labels import GROUP
from tests.api.v2.labelled import groups_of, make_contacts
from tests.dispatch.looping import loop_on, step
from tests.serving import Api
from tests.world import World


@pytest.fixture(autouse=True)
def _many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three members are many."""
    monkeypatch.setattr(groups, "FEW_MEMBERS", 2)
    monkeypatch.setattr(groups, "BATCH", 2)


async def ungroup(database: Database, stop: asyncio.Event | None = None) -> int:
    """Let a worker take one deleted group from its contacts."""
    return await step(loop_on(database, Ungrouping, stop))


async def fill(database: Database, world: World, name: str, contact_ids: list[int]) -> int:
    group = await labels.create_label(database, GROUP, world.acme.tenant_id, name)
    await groups.add_contacts(database, world.acme.tenant_id, group["id"], contact_ids)
    group_id: int = group["id"]
    return group_id


async def count_jobs(database: Database) -> int:
    async with database.connection() as db:
        return int(await db.fetchval("select count(*) from jobs where kind = 'ungroup'"))


async def claim(database: Database) -> int:
    """Lease the job as a worker would, and return its fence."""
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now()")
        (job,) = await jobs.claim(db, rows.KIND, jobs.Ask(1, 1), groups.LEASE)
    fence: int = job["fence"]
    return fence


async def test_a_large_group_is_gone_at_once_and_leaves_its_contacts_later(
    database: Database, world: World
) -> None:
    ids = await make_contacts(database, world.acme, 5)
    large = await fill(database, world, "Large", ids)
    other = await fill(database, world, "Other", ids[:1])
    tenant_id, stop = world.acme.tenant_id, asyncio.Event()
    await groups.delete_group(database, tenant_id, large)
    with pytest.raises(NotFound):
        await labels.get_label(database, GROUP, tenant_id, large)
    await labels.create_label(database, GROUP, tenant_id, "large")
    assert (await groups_of(database, ids))[4] == [large]
    assert await ungroup(database, stop)
    assert await groups_of(database, ids) == [[other], [], [], [], []]
    assert await count_jobs(database) == 0
    assert not await ungroup(database, stop)


async def test_a_small_group_leaves_its_contacts_while_the_caller_waits(
    database: Database, world: World
) -> None:
    ids = await make_contacts(database, world.acme, 2)
    small = await fill(database, world, "Small", ids)
    await groups.delete_group(database, world.acme.tenant_id, small)
    assert (await groups_of(database, ids), await count_jobs(database)) == ([[], []], 0)


async def test_nobody_sees_a_deleted_group_that_contacts_still_have(api: Api, database: Database) -> None:
    acme = api.acme
    ids = await make_contacts(database, api.world.acme, 4)
    gone = await fill(database, api.world, "Gone", ids[:3])
    kept = await fill(database, api.world, "Kept", ids[:1])
    await groups.delete_group(database, api.world.acme.tenant_id, gone)

    async def found(text: str) -> list[int]:
        answer = await acme.get(f"/api/v2/contacts?sort=id&{text}")
        assert answer.status == 200, answer.body
        assert answer.body["meta"]["pagination"]["total"] == len(answer.data)
        return [item["id"] for item in answer.data]

    one = (await acme.get(f"/api/v2/contacts/{ids[0]}?include=groups")).data
    assert (one["group_id"], [group["id"] for group in one["groups"]]) == ([kept], [kept])
    listed = (await acme.get("/api/v2/contacts?sort=id&fields=group_id")).data
    assert [item["group_id"] for item in listed] == [[kept], [], [], []]
    assert await found(f"filter[group_id]={gone}") == []
    assert await found(f"filter[group_id][in]={gone},{kept}") == ids[:1]
    assert await found(f"filter[group_id][ne]={gone}") == ids
    assert await found(f"filter[group_id][not_in]={gone},{kept}") == ids[1:]
    assert await found("filter[group_id][null]=true") == ids[1:]
    assert await found("filter[group_id][null]=false") == ids[:1]


async def test_a_stranger_sees_its_own_groups_meanwhile(api: Api, database: Database) -> None:
    ids = await make_contacts(database, api.world.acme, 3)
    theirs = await make_contacts(database, api.world.globex, 1)
    gone = await fill(database, api.world, "Gone", ids)
    async with database.connection() as db:
        await db.execute("update contacts set group_ids = array[$1::bigint] where id = $2", gone, theirs[0])
    await groups.delete_group(database, api.world.acme.tenant_id, gone)
    assert (await api.globex.get(f"/api/v2/contacts/{theirs[0]}")).data["group_id"] == [gone]


async def test_another_worker_goes_on_where_one_died(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await make_contacts(database, world.acme, 5)
    large = await fill(database, world, "Large", ids)
    await groups.delete_group(database, world.acme.tenant_id, large)
    clear_next, steps = rows.clear_next, []

    async def die_after_one(*arguments: Any) -> int | None:
        steps.append(arguments)
        if len(steps) == 2:
            raise RuntimeError("the machine is gone")
        return await clear_next(*arguments)

    monkeypatch.setattr(rows, "clear_next", die_after_one)
    fence = await claim(database)
    with pytest.raises(RuntimeError):
        await groups.clear_group(database, world.acme.tenant_id, large, fence, asyncio.Event())
    assert await groups_of(database, ids) == [[], [], [large], [large], [large]]
    newer = await claim(database)
    # Who was thought dead moves nothing.
    await groups.clear_group(database, world.acme.tenant_id, large, fence, asyncio.Event())
    assert (await groups_of(database, ids))[2] == [large]
    await groups.clear_group(database, world.acme.tenant_id, large, newer, asyncio.Event())
    assert (await groups_of(database, ids), await count_jobs(database)) == ([[]] * 5, 0)


async def test_a_worker_that_stops_leaves_the_rest_to_the_next(database: Database, world: World) -> None:
    ids = await make_contacts(database, world.acme, 3)
    large = await fill(database, world, "Large", ids)
    await groups.delete_group(database, world.acme.tenant_id, large)
    stop = asyncio.Event()
    stop.set()
    assert await ungroup(database, stop)
    assert (await groups_of(database, ids), await count_jobs(database)) == ([[large]] * 3, 1)
    assert await ungroup(database)
    assert (await groups_of(database, ids), await count_jobs(database)) == ([[]] * 3, 0)


async def test_a_contact_that_comes_in_behind_is_found_all_the_same(
    database: Database, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await make_contacts(database, world.acme, 5)
    large = await fill(database, world, "Large", ids[2:])
    await groups.delete_group(database, world.acme.tenant_id, large)
    clear_next = rows.clear_next

    async def move(db: Any, tenant_id: int, group_id: int, after: int, size: int) -> int | None:
        if after >= ids[3]:
            await db.execute("update contacts set group_ids = array[$1::bigint] where id = $2", large, ids[0])
        return await clear_next(db, tenant_id, group_id, after, size)

    monkeypatch.setattr(rows, "clear_next", move)
    await ungroup(database)
    assert await count_jobs(database) == 1
    monkeypatch.setattr(rows, "clear_next", clear_next)
    await ungroup(database)
    assert (await groups_of(database, ids), await count_jobs(database)) == ([[]] * 5, 0)
