"""The connection to PostgreSQL breaks at one chosen statement: every answer is in the envelope, and true."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.app import build_engine, create_app, running
from rasl.db.pool import Database
from rasl.dispatch.sending import Sender
from rasl.services.engine import Engine
from tests.serving import Answer, Api, api_clients, eventually, graph_requests, served, settings_for
from tests.wire import Wire, wired
from tests.world import World

PHONE = "+442079460011"
KEY = {"idempotency-key": "order-17"}
COMMIT, CLAIM, ANSWER = (
    "COMMIT",
    "insert into idempotency_keys",
    "update idempotency_keys k\n        set status",
)
RECORD = "insert into message_attempts"


@pytest.fixture
async def wire(shared_dsn: str) -> AsyncIterator[Wire]:
    async with wired(shared_dsn) as made:
        yield made


@pytest.fixture
async def api(world: World, wire: Wire, simulator_url: str) -> AsyncIterator[Api]:
    """An API of this test's own, behind the wire."""
    settings = settings_for(simulator_url)
    async with (
        served(create_app(settings, wire.dsn)) as url,
        api_clients(world, url, settings) as clients,
    ):
        # Everything that every request needs is there: the next statement is the one of the test.
        assert (await clients.acme.send("+442079460099")).status == 200
        await clients.simulator.post("/_control/reset", {"keep_numbers": True})
        yield clients


def is_unavailable(answer: Answer) -> bool:
    return (
        answer.status == 503
        and answer.code == "SERVICE_UNAVAILABLE"
        and int(answer.headers["retry-after"]) > 0
    )


async def rescue(api: Api, database: Database, dsn: str) -> None:
    """Let a worker that still has its database find that the leases ran out."""
    await execute(database, "update jobs set due_at = now() - interval '1 second'")
    async with running(build_engine(api.settings, dsn)) as engine:
        await work_off(engine)


async def work_off(engine: Engine) -> None:
    sender = Sender(engine)
    while await sender.step():
        await sender.drain()


async def statuses(database: Database) -> list[str]:
    rows = await fetch(database, "select status from messages where peer = $1 order by id", PHONE[1:])
    return [row["status"] for row in rows]


async def execute(database: Database, sql: str) -> None:
    async with database.connection() as db:
        await db.execute(sql)


async def fetch(database: Database, sql: str, *values: Any) -> list[Any]:
    async with database.connection() as db:
        return list(await db.fetch(sql, *values))


@pytest.mark.parametrize("is_executed", [False, True])
@pytest.mark.parametrize("stays_away", [False, True])
async def test_a_decided_answer_is_given_and_kept_behind(
    api: Api, wire: Wire, database: Database, is_executed: bool, stays_away: bool
) -> None:
    wire.cut(ANSWER, is_executed=is_executed, stays_away=stays_away)
    first = await api.acme.send(PHONE, headers=KEY)
    assert wire.struck.is_set()
    assert (first.status, first.data["status"]) == (200, "sent")
    wire.mend()

    async def is_kept() -> bool:
        return bool(await fetch(database, "select 1 from idempotency_keys where status = 200"))

    await eventually(is_kept)
    again = await api.acme.send(PHONE, headers=KEY)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")
    assert len(await graph_requests(api)) == 1


async def test_a_key_that_cannot_be_claimed_is_no_reason_to_leave_the_envelope(api: Api, wire: Wire) -> None:
    wire.cut(CLAIM)
    assert is_unavailable(await api.acme.send(PHONE, headers=KEY))
    wire.mend()
    assert (await api.acme.send(PHONE, headers=KEY)).status == 200


async def test_a_post_at_metas_door_has_no_key(api: Api) -> None:
    answer = await api.nobody.post(f"/webhooks/whatsapp/{api.world.acme.callback_key}", {}, headers=KEY)
    assert answer.status != 500, answer.body


async def test_a_message_whose_commit_nobody_confirmed_is_found_and_queued(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut(COMMIT, is_executed=True)
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"]) == (200, "queued")
    [message] = await fetch(
        database, "select id, status, is_ambiguous from messages where peer = $1", PHONE[1:]
    )
    assert tuple(message) == (answer.data["chat_message_id"], "queued", False)
    [job] = await fetch(database, "select is_leased, fence, attempts from jobs")
    assert tuple(job) == (False, 2, 0)
    assert await graph_requests(api) == []


async def test_a_message_that_was_never_committed_is_refused(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut(COMMIT)
    answer = await api.acme.send(PHONE)
    assert is_unavailable(answer)
    assert await fetch(database, "select 1 from messages where peer = $1", PHONE[1:]) == []


@pytest.mark.parametrize("is_rescued", [False, True])
async def test_it_is_found_when_the_database_comes_back_later(
    api: Api, wire: Wire, database: Database, shared_dsn: str, is_rescued: bool
) -> None:
    wire.cut(COMMIT, is_executed=True, stays_away=True)
    answer = await api.acme.send(PHONE, headers=KEY)
    assert is_unavailable(answer)
    [message] = await fetch(database, "select id, status from messages where peer = $1", PHONE[1:])
    assert answer.details == {"chat_message_id": message["id"]}
    if is_rescued:
        await rescue(api, database, shared_dsn)
        assert await statuses(database) == ["unknown"]
    wire.mend()

    async def is_queued() -> bool:
        return await statuses(database) == ["queued"]

    await eventually(is_queued)
    again = await api.acme.send(PHONE, headers=KEY)
    assert (again.status, again.data["status"], again.data["chat_message_id"]) == (
        200,
        "queued",
        message["id"],
    )
