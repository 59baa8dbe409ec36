"""The worker sends what requests left behind, once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.app import build_resources, running
from rasl.db import jobs
from rasl.db.messages import Result, record_results
from rasl.db.pool import Database
from rasl.dispatch import pacing
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.dispatch.worker import work
from rasl.services.sending.outbox import Outbox
from tests.serving import Api, graph_requests
from tests.waiting import until

PHONE = "+442079460011"
ASYNC = {"prefer": "respond-async"}


@pytest.fixture
async def outbox(api: Api, shared_dsn: str) -> AsyncIterator[Outbox]:
    """A worker's outbox on the test's database."""
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened


async def statuses(database: Database) -> list[str]:
    async with database.connection() as db:
        return [row["status"] for row in await db.fetch("select status from messages order by id")]


async def execute(database: Database, sql: str, *values: Any) -> None:
    async with database.connection() as db:
        await db.execute(sql, *values)


async def send_all_due(outbox: Outbox) -> None:
    sender = Loop(Sending(outbox))
    while await sender.step():
        await sender.drain()


async def test_it_sends_queued_messages_and_ends_their_jobs(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for n in range(5):
        await api.acme.send(f"+44207946000{n}", headers=ASYNC)
    await send_all_due(outbox)
    assert await statuses(database) == ["sent"] * 5
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0
    assert len(await graph_requests(api)) == 5


async def test_two_workers_share_the_work_without_sending_twice(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await asyncio.gather(*(api.acme.send(f"+4420794600{n:02}", headers=ASYNC) for n in range(40)))
    await asyncio.gather(send_all_due(outbox), send_all_due(outbox))
    assert await statuses(database) == ["sent"] * 40
    assert len(await graph_requests(api)) == 40


async def test_a_message_whose_process_died_becomes_unknown_and_is_not_sent(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update messages set status = 'sending'")
    # As a process leaves it that died in the middle of a call: leased, and the lease has run out.
    await execute(
        database, "update jobs set is_leased = true, attempts = 1, due_at = now() - interval '1 second'"
    )
    await send_all_due(outbox)
    assert await statuses(database) == ["unknown"]
    assert await graph_requests(api) == []
    [message] = (await api.acme.get("/api/v2/messages")).data
    steps = (await api.acme.get(f"/api/v2/messages/{message['id']}?include=timeline")).data["timeline"]
    assert steps[1]["title"] == "The process sending it died"


async def test_a_message_claimed_but_not_started_by_a_process_that_died_is_sent(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update jobs set is_leased = true, due_at = now() - interval '1 second'")
    await send_all_due(outbox)
    assert await statuses(database) == ["sent"]


async def test_beyond_its_throughput_a_numbers_messages_wait_their_turn(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await execute(database, "update whatsapp_numbers set messages_per_second = 20")
    for n in range(10):
        await api.acme.send(f"+44207946000{n}", headers=ASYNC)
    sender = Loop(Sending(outbox))
    await sender.step()
    async with database.connection() as db:
        waits = await db.fetch(
            "select extract(epoch from due_at - now())::float8 as s from jobs where not is_leased"
        )
    assert len(waits) >= 5
    assert all(row["s"] <= 10 / 20 for row in waits)
    assert "queued" in await statuses(database)
    # It goes on when the number may, not at the next poll: that would halve Meta's throughput.
    assert sender.kind.idle_seconds() <= pacing._PAUSE
    await sender.drain()


async def test_a_tenant_may_have_it_sent_again_after_the_window(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await execute(database, "update tenants set unknown_policy = 'resend'")
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update messages set status = 'sending'")
    await execute(
        database, "update jobs set is_leased = true, attempts = 1, due_at = now() - interval '1 second'"
    )
    await send_all_due(outbox)
    assert await statuses(database) == ["unknown"]
    await execute(database, "update jobs set due_at = now()")
    await send_all_due(outbox)
    assert await statuses(database) == ["sent"]
    [message] = (await api.acme.get("/api/v2/messages")).data
    detail = (await api.acme.get(f"/api/v2/messages/{message['id']}")).data
    assert detail["is_ambiguous"] is True


async def test_a_late_waker_cannot_overwrite(api: Api, outbox: Outbox, database: Database) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    async with database.connection() as db:
        [claimed] = await jobs.claim(db, "send", jobs.Ask(1, 1), outbox.lease)
        await db.execute("update jobs set due_at = now()")
        [rescued] = await jobs.claim(db, "send", jobs.Ask(1, 1), outbox.lease)
        assert (rescued["was_abandoned"], rescued["fence"]) == (True, claimed["fence"] + 1)
        key = {"tenant_id": claimed["tenant_id"], "message_id": claimed["subject_id"]}
        now = await db.fetchval("select now()")
        late = Result(
            **key, fence=claimed["fence"], attempt=1, outcome="refused", started_at=now, status="failed"
        )
        rows = await record_results(db, [late])
    assert rows == {}
    assert await statuses(database) == ["queued"]


async def test_a_success_that_comes_after_the_rescue_settles_the_message(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.simulator.post(
        "/_control/faults", {"when": "always", "effect": {"kind": "latency", "seconds": 4}}
    )
    sending = asyncio.create_task(api.acme.send(PHONE))

    async def is_leased() -> bool:
        async with database.connection() as db:
            return bool(await db.fetchval("select exists (select from jobs where is_leased)"))

    await until(is_leased)
    await execute(
        database, "update jobs set due_at = now()"
    )  # as if its process had been silent for too long
    await send_all_due(outbox)
    assert await statuses(database) == ["unknown"]
    answer = await sending
    assert answer.data["status"] == "sent"
    assert await statuses(database) == ["sent"]
    assert len(await graph_requests(api)) == 1


async def test_a_message_settled_meanwhile_is_not_sent(api: Api, outbox: Outbox, database: Database) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update messages set status = 'delivered'")
    await send_all_due(outbox)
    assert await statuses(database) == ["delivered"]
    assert await graph_requests(api) == []
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from jobs") == 0


async def test_a_dead_token_does_not_burn_the_queue(api: Api, outbox: Outbox, database: Database) -> None:
    await api.simulator.post("/_control/faults", {"when": "always", "effect": {"kind": "error", "code": 190}})
    await api.acme.send(PHONE, headers=ASYNC)
    await send_all_due(outbox)
    assert await statuses(database) == ["queued"]
    async with database.connection() as db:
        assert 10 < await db.fetchval("select extract(epoch from due_at - now()) from jobs") <= 60


async def test_one_numbers_backlog_does_not_hold_up_another(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await asyncio.gather(*(api.acme.send(f"+4420794{n:05}", headers=ASYNC) for n in range(150)))
    await api.globex.send(PHONE, headers=ASYNC)
    sender = Loop(Sending(outbox))
    await sender.step()
    await sender.drain()
    async with database.connection() as db:
        theirs = await db.fetchval(
            "select status from messages where tenant_id = $1", api.world.globex.tenant_id
        )
    assert theirs == "sent"


async def test_a_throttled_recipient_is_served_one_by_one(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for _ in range(4):
        await api.acme.send(PHONE, headers=ASYNC)
    await execute(
        database,
        "update jobs set due_at = now() + interval '1 hour' where subject_id <> (select min(id) from messages)",
    )
    await api.simulator.post(
        "/_control/faults", {"when": "always", "effect": {"kind": "error", "code": 131056}}
    )
    sender = Loop(Sending(outbox))
    await sender.step()
    await sender.drain()
    async with database.connection() as db:
        tat = await db.fetchval("select extract(epoch from pair_tat - now()) from conversations")
    assert tat > 45 * 6
    late = await api.acme.send(PHONE)
    assert late.data["status"] == "queued"


async def test_the_loop_is_woken_by_new_work_and_stops_when_told(
    api: Api, outbox: Outbox, database: Database
) -> None:
    stop = asyncio.Event()
    worker = asyncio.create_task(work(outbox, stop))
    await api.acme.send(PHONE, headers=ASYNC)

    async def is_sent() -> bool:
        return await statuses(database) == ["sent"]

    await until(is_sent)
    stop.set()
    await asyncio.wait_for(worker, 60)


async def test_the_worker_keeps_the_lease_of_a_message_that_still_has_to_go_back(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    loop = Loop(Sending(outbox))
    async with database.connection() as db:
        job = await db.fetchrow(
            "update jobs set is_leased = true, due_at = now() returning tenant_id, subject_id, fence"
        )
    assert job is not None
    outbox.returns.leases[job["tenant_id"], job["subject_id"]] = job["fence"]
    await loop.extend_leases()
    async with database.connection() as db:
        assert await db.fetchval("select due_at > now() + interval '1 second' from jobs")


@pytest.mark.parametrize(
    ("stop", "resume"),
    [
        ("status = 'suspended'", "status = 'active'"),
        ("subscription_status = 'expired'", "subscription_status = 'active'"),
    ],
)
async def test_what_waits_goes_on_waiting_until_its_tenant_may_send_again(
    api: Api, outbox: Outbox, database: Database, stop: str, resume: str
) -> None:
    for person in (api.acme, api.globex):
        await person.send(PHONE, headers=ASYNC)
    await execute(database, f"update tenants set {stop} where id = $1", api.world.acme.tenant_id)
    await send_all_due(outbox)
    assert sorted(await statuses(database)) == ["queued", "sent"]
    async with database.connection() as db:
        job = await db.fetchrow("select attempts, failures, is_leased from jobs")
    assert tuple(job or ()) == (0, 0, False)
    await execute(database, f"update tenants set {resume}")
    await execute(database, "update jobs set due_at = now()")
    await send_all_due(outbox)
    assert await statuses(database) == ["sent"] * 2
    assert len(await graph_requests(api)) == 2
