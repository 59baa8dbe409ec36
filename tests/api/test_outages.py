"""The connection to PostgreSQL breaks at one chosen statement: every answer is in the envelope, and true."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.app import build_resources, create_app, running
from rasl.db.pool import Database
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.services.sending import keys, unsent
from tests import samples
from tests.api.v2.media_calls import send_file, sent_bodies
from tests.serving import Answer, Api, api_clients, graph_requests, served, settings_for
from tests.waiting import until
from tests.wire import How, Wire, wired
from tests.world import World

PHONE = "+442079460011"
MESSAGES = {"endpoint": "messages"}
KEY = {"idempotency-key": "order-17"}
COMMIT, CLAIM, PUT_BACK = "COMMIT", "insert into idempotency_keys", "released as"
BEGIN = "set is_untried = false"
ANSWER = "update idempotency_keys k\n        set status"


@pytest.fixture
async def wire(shared_dsn: str) -> AsyncIterator[Wire]:
    async with wired(shared_dsn) as made:
        yield made


@contextlib.asynccontextmanager
async def behind(wire: Wire, world: World, simulator_url: str) -> AsyncIterator[Api]:
    """Have an API behind the wire that has all that every request needs: the next statement is the one of the test."""
    settings = settings_for(simulator_url)
    async with (
        served(create_app(settings, wire.dsn)) as url,
        api_clients(world, url, settings) as clients,
    ):
        assert (await clients.acme.send("+442079460099")).status == 200
        await clients.simulator.post("/_control/reset", {"keep_numbers": True})
        yield clients


@pytest.fixture
async def api(world: World, wire: Wire, simulator_url: str) -> AsyncIterator[Api]:
    async with behind(wire, world, simulator_url) as clients:
        yield clients


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for a database that stays away until the test mends it."""
    monkeypatch.setattr(unsent, "PATIENCE", 0.1)
    monkeypatch.setattr(keys, "PATIENCE", 0.1)


def is_unavailable(answer: Answer) -> bool:
    is_said = answer.status == 503 and answer.code == "SERVICE_UNAVAILABLE"
    return is_said and int(answer.headers["retry-after"]) > 0


async def rescue(api: Api, database: Database, dsn: str) -> None:
    """Let a worker that still has its database find that the leases ran out."""
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now() - interval '1 second'")
    async with running(build_resources(api.settings, dsn)) as outbox:
        sender = Loop(Sending(outbox))
        while await sender.step():
            await sender.drain()


async def statuses(database: Database) -> list[str]:
    rows = await fetch(database, "select status from messages where peer = $1 order by id", PHONE[1:])
    return [row["status"] for row in rows]


async def fetch(database: Database, sql: str, *values: Any) -> list[Any]:
    async with database.connection() as db:
        return list(await db.fetch(sql, *values))


async def has_kept(database: Database) -> bool:
    return bool(await fetch(database, "select 1 from idempotency_keys where status = 200"))


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("how", ["lost", "executed"])
@pytest.mark.parametrize("stays_away", [False, True])
async def test_a_decided_answer_is_given_and_kept_behind(
    api: Api, wire: Wire, database: Database, how: How, stays_away: bool
) -> None:
    wire.cut(ANSWER, how, stays_away=stays_away)
    first = await api.acme.send(PHONE, headers=KEY)
    assert wire.struck.is_set()
    assert (first.status, first.data["status"]) == (200, "sent")
    wire.mend()
    await until(lambda: has_kept(database))
    again = await api.acme.send(PHONE, headers=KEY)
    assert (again.status, again.body, again.headers["idempotent-replayed"]) == (200, first.body, "true")
    assert len(await graph_requests(api)) == 1


@pytest.mark.usefixtures("impatient")
async def test_a_server_that_stops_keeps_its_answers_first(
    world: World, wire: Wire, database: Database, simulator_url: str
) -> None:
    async with behind(wire, world, simulator_url) as api:
        wire.cut(ANSWER, stays_away=True)
        assert (await api.acme.send(PHONE, headers=KEY)).status == 200
        assert not await has_kept(database)
        asyncio.get_running_loop().call_later(0.3, wire.mend)
    assert await has_kept(database)


async def test_a_key_that_cannot_be_claimed_is_no_reason_to_leave_the_envelope(api: Api, wire: Wire) -> None:
    wire.cut(CLAIM)
    assert is_unavailable(await api.acme.send(PHONE, headers=KEY))
    assert (await api.acme.send(PHONE, headers=KEY)).status == 200


async def test_whatever_fails_in_claiming_a_key_is_a_503(api: Api, database: Database) -> None:
    async with database.connection() as db:
        await db.execute("alter table idempotency_keys rename to gone")
    try:
        assert is_unavailable(await api.acme.send(PHONE, headers=KEY))
        assert (await api.acme.send(PHONE)).status == 200
    finally:
        async with database.connection() as db:
            await db.execute("alter table gone rename to idempotency_keys")


async def test_a_post_at_metas_door_has_no_key(api: Api) -> None:
    answer = await api.nobody.post(f"/webhooks/whatsapp/{api.world.acme.callback_key}", {}, headers=KEY)
    assert answer.status == 401, answer.body


async def test_a_message_whose_commit_nobody_confirmed_is_found_and_queued(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut(COMMIT, "executed")
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"]) == (200, "queued")
    [message] = await fetch(
        database, "select id, status, is_ambiguous from messages where peer = $1", PHONE[1:]
    )
    assert tuple(message) == (answer.data["chat_message_id"], "queued", False)
    [job] = await fetch(database, "select is_leased, fence, attempts from jobs")
    assert tuple(job) == (False, 2, 0)
    assert await graph_requests(api) == []


async def test_all_in_flight_are_found(api: Api, wire: Wire, database: Database, shared_dsn: str) -> None:
    wire.cut(COMMIT, "executed")
    phones = [f"+4420794600{n:02}" for n in range(20)]
    answers = await asyncio.gather(*(api.acme.send(phone) for phone in phones))
    assert {answer.status for answer in answers} == {200}
    assert {"queued"} <= {answer.data["status"] for answer in answers}
    await rescue(api, database, shared_dsn)
    rows = await fetch(database, "select peer, status from messages where peer <> '442079460099'")
    assert sorted(map(tuple, rows)) == [(phone[1:], "sent") for phone in phones]
    assert len(await graph_requests(api)) == 20


async def test_a_message_that_was_never_committed_is_refused(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut(COMMIT)
    answer = await api.acme.send(PHONE)
    assert is_unavailable(answer)
    assert answer.details == {}
    assert await statuses(database) == []


async def test_it_waits_for_a_commit_that_the_server_has_not_come_to(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut(COMMIT, "late")
    sending = asyncio.create_task(api.acme.send(PHONE))
    await wire.struck.wait()
    wire.struck.clear()
    wire.cut("pg_xact_status", "stalled")  # it has asked by then, and asks again
    await wire.struck.wait()
    wire.released.set()
    answer = await sending
    assert (answer.status, answer.data["status"]) == (200, "queued")
    assert await statuses(database) == ["queued"]


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("is_rescued", [False, True])
async def test_it_is_found_when_the_database_comes_back_later(
    api: Api,
    wire: Wire,
    database: Database,
    shared_dsn: str,
    is_rescued: bool,
) -> None:
    wire.cut(COMMIT, "executed", stays_away=True)
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

    await until(is_queued)
    again: list[Answer] = []

    async def is_answered() -> bool:
        again.append(await api.acme.send(PHONE, headers=KEY))
        return again[-1].status not in {409, 503}

    await until(is_answered)
    assert (again[-1].status, again[-1].data["status"]) == (200, "queued")
    assert again[-1].data["chat_message_id"] == message["id"]
    await rescue(api, database, shared_dsn)
    assert await statuses(database) == ["sent"]
    assert len(await graph_requests(api)) == 1


async def test_looking_for_it_survives_that_the_connection_breaks_again_and_again(
    api: Api, wire: Wire, database: Database, shared_dsn: str
) -> None:
    wire.cut(COMMIT, "executed")
    wire.cut("pg_xact_status")
    wire.cut(PUT_BACK, "executed")
    wire.cut(COMMIT, "executed")
    answer = await api.acme.send(PHONE)
    assert (answer.status, answer.data["status"]) == (200, "queued")
    await rescue(api, database, shared_dsn)
    assert await statuses(database) == ["sent"]
    assert len(await graph_requests(api)) == 1


async def test_a_message_whose_turn_cannot_be_asked_for_goes_back_to_the_queue(
    api: Api, wire: Wire, database: Database
) -> None:
    wire.cut("buckets", skip=3)  # three are for the token, whose bucket is new; the next is for the number
    answer = await api.globex.send(PHONE)
    assert wire.struck.is_set()
    assert (answer.status, answer.data["status"]) == (200, "queued")

    async def is_queued() -> bool:
        return await statuses(database) == ["queued"]

    await until(is_queued)
    assert await graph_requests(api) == []


async def test_who_lost_the_key_while_he_was_paused_stores_nothing(
    api: Api, wire: Wire, database: Database, shared_dsn: str, world: World
) -> None:
    wire.cut("for update\n        ) k", "stalled")  # the first statement of the accepting transaction
    paused = asyncio.create_task(api.acme.send(PHONE, headers=KEY))
    await wire.struck.wait()
    async with database.connection() as db:
        await db.execute("update idempotency_keys set locked_until = now()")
    async with (
        served(create_app(api.settings, shared_dsn)) as url,
        api_clients(world, url, api.settings) as other,
    ):
        taken = await other.acme.send(PHONE, headers=KEY)
    assert (taken.status, taken.data["status"]) == (200, "sent")
    wire.released.set()
    late = await paused
    assert (late.status, late.code) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert await statuses(database) == ["sent"]
    assert len(await graph_requests(api)) == 1


async def test_whoever_slept_while_he_uploaded_leaves_the_message_to_the_one_that_sent_it(
    api: Api, wire: Wire, database: Database, shared_dsn: str
) -> None:
    wire.cut(BEGIN, "stalled")
    sleeping = asyncio.create_task(send_file(api.acme, samples.PNG))
    await wire.struck.wait()
    await rescue(api, database, shared_dsn)
    assert await statuses(database) == ["sent"]
    wire.released.set()
    late = await sleeping
    assert (late.status, late.data["status"]) == (200, "queued")
    assert len(await sent_bodies(api)) == 1


@pytest.mark.parametrize("how", ["lost", "executed"])
async def test_a_message_with_files_waits_for_the_database_before_it_is_sent(
    api: Api, wire: Wire, database: Database, how: How
) -> None:
    wire.cut(BEGIN, how)
    answer = await send_file(api.acme, samples.PNG)
    assert (answer.status, answer.data["status"]) == (200, "sent")
    assert await statuses(database) == ["sent"]
    assert len(await sent_bodies(api)) == 1


async def test_whoever_dies_after_the_files_were_given_leaves_an_unknown_message(
    api: Api, database: Database, shared_dsn: str
) -> None:
    answer = {"kind": "error", "code": 131000}  # to be tried again, which is not waited for here
    await api.simulator.post("/_control/faults", {"when": "always", "match": MESSAGES, "effect": answer})
    await send_file(api.acme, samples.PNG)
    async with database.connection() as db:
        await db.execute("update messages set status = 'sending' where peer = $1", PHONE[1:])
        await db.execute("update jobs set is_leased = true")
    await rescue(api, database, shared_dsn)
    assert await statuses(database) == ["unknown"]
