"""One statement that fails ends no upkeep of the API: leases of messages in flight are renewed all the same."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

import aiohttp
import asyncpg
import pytest
from structlog.testing import capture_logs

from rasl.app import create_app
from tests.serving import Answer, Api, Client, served, settings_for
from tests.waiting import until

LEASE_SECONDS = 1.5


@pytest.fixture
async def client(api: Api, shared_dsn: str) -> AsyncIterator[Client]:
    """Acme on an API of its own, whose leases are short."""
    settings = settings_for(api.settings.graph_base_url, lease_seconds=LEASE_SECONDS)
    async with (
        served(create_app(settings, shared_dsn)) as url,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session,
    ):
        yield Client(session, url, api.world.acme.headers)


@pytest.fixture
async def other(shared_dsn: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of somebody else."""
    connection = await asyncpg.connect(shared_dsn)
    yield connection
    await connection.close()


async def send_slowly(
    api: Api, client: Client, other: "asyncpg.Connection[asyncpg.Record]", count: int
) -> list[asyncio.Task[Answer]]:
    """Have messages in flight for long."""
    fault = {"when": "always", "effect": {"kind": "latency", "seconds": 5}}
    assert (await api.simulator.post("/_control/faults", fault)).status == 200
    tasks: list[asyncio.Task[Answer]] = []

    async def are_stored() -> bool:
        return bool(await other.fetchval("select count(*) from jobs") == len(tasks))

    for number in range(count):
        tasks.append(asyncio.create_task(client.send(f"+44207946002{number}")))
        await until(are_stored)
    return tasks


EXTENDING = """
select pid from pg_stat_activity
where wait_event_type = 'Lock' and query like '%update jobs%' and datname = current_database()
"""


async def renewed(other: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Wait until a lease reaches further than now."""
    begin = await other.fetchval("select now()")

    async def is_renewed() -> bool:
        sql = "select bool_and(due_at > $1::timestamptz + make_interval(secs => $2) and is_leased) from jobs"
        return bool(await other.fetchval(sql, begin, LEASE_SECONDS))

    await until(is_renewed)


async def _is_told(lines: Sequence[Mapping[str, object]], error: str) -> bool:
    return any(line.get("error") == error for line in lines)


async def test_a_cancelled_statement_ends_no_upkeep(
    api: Api, client: Client, other: "asyncpg.Connection[asyncpg.Record]", shared_dsn: str
) -> None:
    sending = await send_slowly(api, client, other, 1)
    blocker = await asyncpg.connect(shared_dsn)
    transaction = blocker.transaction()
    await transaction.start()
    await blocker.execute("select from jobs for update")

    async def is_cancelled() -> bool:
        pid = await other.fetchval(EXTENDING)
        return pid is not None and bool(await other.fetchval("select pg_cancel_backend($1)", pid))

    await until(is_cancelled)
    await transaction.rollback()
    await blocker.close()
    await renewed(other)
    assert [(await task).data["status"] for task in sending] == ["sent"]


async def test_a_deadlock_ends_no_upkeep(
    api: Api, client: Client, other: "asyncpg.Connection[asyncpg.Record]", shared_dsn: str
) -> None:
    sending = await send_slowly(api, client, other, 2)
    subjects = [row["subject_id"] for row in await other.fetch("select subject_id from jobs order by 1")]
    blocker = await asyncpg.connect(shared_dsn)
    transaction = blocker.transaction()
    await transaction.start()
    # The heartbeat holds the first and waits for us; then we want the first, and whoever waited longer is ended.
    await blocker.execute("select from jobs where subject_id = $1 for update", subjects[1])

    async def is_waiting() -> bool:
        return await other.fetchval(EXTENDING) is not None

    await until(is_waiting)
    with capture_logs() as lines:
        await blocker.execute("select from jobs where subject_id = $1 for update", subjects[0])
        await until(lambda: _is_told(lines, "DeadlockDetectedError"))
    await transaction.rollback()
    await blocker.close()
    await renewed(other)
    assert [(await task).data["status"] for task in sending] == ["sent", "sent"]
