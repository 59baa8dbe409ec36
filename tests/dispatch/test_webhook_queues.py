"""Who waits for whom among deliveries: a contact for itself where order is wanted, nobody for another endpoint."""

import asyncio
from typing import Any

import pytest

from rasl.db import webhook_deliveries as rows
from rasl.db.pool import Database
from tests.dispatch.looping import run_out, step
from tests.dispatch.webhook_calls import WEBHOOKS, Worker, deliveries, happen, subscribe
from tests.receiving import NEVER, Receiver
from tests.serving import Api
from tests.waiting import until


async def test_a_failing_delivery_holds_back_only_its_contact(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", is_ordered=True)
    receiver.answers["/hook"].append(500)
    await happen(database, api.world.acme.tenant_id, 1, contacts=[11])
    await worker.run()
    await happen(database, api.world.acme.tenant_id, 6, contacts=[11, 12])
    await worker.run()
    told = [it.json["data"]["resource"]["id"] for it in receiver.got]
    assert told == [11, 12, 12, 12]
    await worker.later()
    told = [it.json["data"]["resource"]["id"] for it in receiver.got[4:]]
    assert told == [11, 11, 11, 11]
    eleven = [it for it in receiver.got if it.json["data"]["resource"]["id"] == 11]
    numbers = [it.json["data"]["resource"]["attributes"]["number"] for it in eleven]
    assert numbers == [0, 0, 0, 2, 4]
    assert {it["state"] for it in await deliveries(api.acme, webhook)} == {"delivered"}


async def test_a_contact_goes_on_behind_what_failed_for_good(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", is_ordered=True)
    receiver.answers["/hook"].extend([500] * 10)
    await happen(database, api.world.acme.tenant_id, 2, contacts=[11])
    await worker.run()
    for _ in range(10):
        await worker.later()
    assert [it["state"] for it in await deliveries(api.acme, webhook)] == ["failed", "delivered"]


async def test_what_waits_in_line_goes_on_when_order_is_wanted_no_more(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", is_ordered=True)
    receiver.answers["/hook"].append(500)
    await happen(database, api.world.acme.tenant_id, 3, contacts=[11])
    await worker.run()
    assert len(receiver.got) == 1
    await api.acme.call("PATCH", f"{WEBHOOKS}/{webhook['id']}", json={"is_ordered": False})
    await worker.run()
    assert len(receiver.got) == 3


async def test_an_event_waits_for_one_of_its_contact_that_another_process_has(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    await subscribe(api.acme, receiver.url + "/hook", is_ordered=True)
    await happen(database, api.world.acme.tenant_id, 3, contacts=[11, 12])
    async with database.connection() as db:
        first = await db.fetchval("select min(subject_id) from jobs where kind = 'event'")
        await db.execute(
            "update jobs set is_leased = true, due_at = now() + interval '1 hour' where subject_id = $1",
            first,
        )
    await step(worker.fanning)
    await run_out(worker.delivering)
    assert [it.json["data"]["resource"]["id"] for it in receiver.got] == [12]
    async with database.connection() as db:
        await db.execute("update jobs set is_leased = false, due_at = now() where kind = 'event'")
    await worker.run()
    told = [it.json["data"]["resource"]["attributes"]["number"] for it in receiver.got]
    assert told == [1, 0, 2]


@pytest.mark.parametrize("is_ordered", [False, True])
async def test_nothing_is_lost_while_a_webhook_is_paused(
    api: Api, database: Database, worker: Worker, receiver: Receiver, is_ordered: bool
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", is_ordered=is_ordered)
    path = f"{WEBHOOKS}/{webhook['id']}"
    await happen(database, api.world.acme.tenant_id, 2, contacts=[11])
    await run_out(worker.fanning)
    await api.acme.call("PATCH", path, json={"is_active": False})
    await worker.run()
    await happen(database, api.world.acme.tenant_id, 2, contacts=[11])
    await worker.run()
    assert receiver.got == []
    assert {it["state"] for it in await deliveries(api.acme, webhook)} == {"pending"}
    await api.acme.call("PATCH", path, json={"is_active": True})
    await worker.run()
    numbers = [it.json["data"]["resource"]["attributes"]["number"] for it in receiver.got]
    assert sorted(numbers) == [0, 0, 1, 1]
    assert not is_ordered or numbers == [0, 1, 0, 1]


async def test_webhooks_of_a_suspended_account_go_out_after_it_is_back(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    await subscribe(api.acme, receiver.url + "/hook")
    await happen(database, api.world.acme.tenant_id)
    async with database.connection() as db:
        await db.execute("update tenants set status = 'suspended' where id = $1", api.world.acme.tenant_id)
    await worker.run()
    await worker.run()
    assert receiver.got == []
    async with database.connection() as db:
        await db.execute("update tenants set status = 'active' where id = $1", api.world.acme.tenant_id)
    await worker.run()
    assert len(receiver.got) == 1


async def test_an_endpoint_that_cannot_be_opened_delays_no_other(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    broken = await subscribe(api.acme, receiver.url + "/broken")
    paused = await subscribe(api.acme, receiver.url + "/paused", is_active=False)
    await subscribe(api.globex, receiver.url + "/well")
    async with database.connection() as db:
        await db.execute("update webhook_endpoints set secrets = '[1]' where id = $1", broken["id"])
    for tenant in (api.world.acme, api.world.globex):
        await happen(database, tenant.tenant_id)
    await worker.run()
    assert [it.path for it in receiver.got] == ["/well"]
    assert [it["state"] for it in await deliveries(api.acme, paused)] == ["pending"]
    async with database.connection() as db:
        assert await db.fetchval("select failures from jobs where kind = 'webhook'") == 1


async def test_an_endpoint_that_cannot_be_woken_keeps_no_other_waiting(
    api: Api, database: Database, worker: Worker, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await subscribe(api.acme, receiver.url + "/first", is_active=False)
    second = await subscribe(api.acme, receiver.url + "/second", is_active=False)
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    wake = rows.wake

    async def failing(db: Any, tenant_id: int, endpoint_id: int, limit: int) -> int:
        if endpoint_id == first["id"]:
            raise RuntimeError("cannot be woken")
        return await wake(db, tenant_id, endpoint_id, limit)

    monkeypatch.setattr(rows, "wake", failing)
    for webhook in (first, second):
        await api.acme.call("PATCH", f"{WEBHOOKS}/{webhook['id']}", json={"is_active": True})
    await worker.run()
    assert [it.path for it in receiver.got] == ["/second"]


async def test_nothing_goes_to_a_webhook_that_was_deleted(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook")
    await happen(database, api.world.acme.tenant_id, 2)
    await run_out(worker.fanning)
    assert (await api.acme.call("DELETE", f"{WEBHOOKS}/{webhook['id']}")).status == 200
    await happen(database, api.world.acme.tenant_id)
    await worker.run()
    assert receiver.got == []
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0
        assert await db.fetchval("select array_agg(distinct state) from webhook_deliveries") == ["dropped"]


async def test_an_endpoint_that_does_not_answer_delays_no_other(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    """All deliveries of the dead one are due first; the healthy one is served while they hang."""
    receiver.always["/dead"] = NEVER
    await subscribe(api.acme, receiver.url + "/dead")
    await happen(database, api.world.acme.tenant_id, 100)
    await run_out(worker.fanning)
    while await worker.delivering.step():
        pass
    dead = len(receiver.at("/dead"))
    await subscribe(api.globex, receiver.url + "/alive")
    await happen(database, api.world.globex.tenant_id, 50)
    await run_out(worker.fanning)

    async def is_served() -> bool:
        await worker.delivering.step()
        return len(receiver.at("/alive")) == 50

    await until(is_served)
    assert dead <= len(receiver.at("/dead")) <= 32
    receiver.go_on.set()
    receiver.always["/dead"] = 200
    await worker.delivering.drain()
    await worker.run()
    assert len(receiver.at("/dead")) == 100


async def test_a_rate_is_kept_and_nothing_is_lost_for_it(
    api: Api, database: Database, worker: Worker, receiver: Receiver
) -> None:
    webhook = await subscribe(api.acme, receiver.url + "/hook", max_per_second=1)
    await happen(database, api.world.acme.tenant_id, 30)
    await run_out(worker.fanning)
    await step(worker.delivering)
    first = len(receiver.got)
    assert 1 <= first < 30

    async def goes_on() -> bool:
        await asyncio.sleep(worker.delivering.kind.idle_seconds())
        await step(worker.delivering)
        return len(receiver.got) > first

    await until(goes_on)
    await api.acme.call("PATCH", f"{WEBHOOKS}/{webhook['id']}", json={"max_per_second": None})

    async def is_over() -> bool:
        await step(worker.delivering)
        return len(receiver.got) == 30

    await until(is_over)
    assert len({it.id for it in receiver.got}) == 30
