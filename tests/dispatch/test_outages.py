"""The worker loses PostgreSQL between claiming a message and calling Meta: the message waits, and is not `unknown`."""

from collections.abc import AsyncIterator

import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.errors import ServiceUnavailable
from rasl.services.sending.outbox import Outbox
from tests.serving import Api, graph_requests
from tests.waiting import until
from tests.wire import How, Wire, wired

ASYNC = {"prefer": "respond-async"}
PHONES = [f"+44207946000{n}" for n in range(5)]
CLAIM, START = "set is_leased = true, fence = fence + 1", "update messages m set status = 'sending'"


@pytest.fixture
async def wire(shared_dsn: str) -> AsyncIterator[Wire]:
    async with wired(shared_dsn) as made:
        yield made


@pytest.fixture
async def outbox(api: Api, wire: Wire) -> AsyncIterator[Outbox]:
    """A worker's outbox behind the wire."""
    async with running(build_resources(api.settings, wire.dsn)) as opened:
        yield opened


async def jobs_and_statuses(database: Database) -> list[tuple[bool, int, str]]:
    async with database.connection() as db:
        rows = await db.fetch(
            """
            select j.is_leased, j.attempts, m.status from messages m
            join jobs j on j.tenant_id = m.tenant_id and j.subject_id = m.id order by m.id
            """
        )
    return [tuple(row) for row in rows]


async def work_off(outbox: Outbox) -> None:
    sender = Loop(Sending(outbox))
    while await sender.step():
        await sender.drain()


@pytest.mark.parametrize("how", ["lost", "executed"])
async def test_messages_whose_start_nobody_confirmed_go_back_to_the_queue(
    api: Api, outbox: Outbox, wire: Wire, database: Database, how: How
) -> None:
    for phone in PHONES:
        await api.acme.send(phone, headers=ASYNC)
    wire.cut(START, how)
    with pytest.raises(ServiceUnavailable):
        await Loop(Sending(outbox)).step()

    async def are_queued() -> bool:
        return await jobs_and_statuses(database) == [(False, 0, "queued")] * 5

    await until(are_queued)
    assert await graph_requests(api) == []
    await work_off(outbox)
    assert len(await graph_requests(api)) == 5


async def test_a_claim_that_nobody_confirmed_runs_out_and_is_sent_all_the_same(
    api: Api, outbox: Outbox, wire: Wire, database: Database
) -> None:
    await api.acme.send(PHONES[0], headers=ASYNC)
    wire.cut(CLAIM, "executed")
    with pytest.raises(ServiceUnavailable):
        await Loop(Sending(outbox)).step()
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now() - interval '1 second'")
    await work_off(outbox)
    assert len(await graph_requests(api)) == 1
    assert await jobs_and_statuses(database) == []
