"""One row that cannot be worked on stops no other: neither of its kind, nor of another tenant, nor the worker."""

import asyncio
import base64
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from rasl.app import build_resources, running
from rasl.db import contact_groups as group_rows
from rasl.db import messages
from rasl.db.pool import Database
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from rasl.dispatch.worker import work
from rasl.domain import backoff
from rasl.errors import ServiceUnavailable
from rasl.services.contacts import groups
from rasl.services.imports import chunks, uploads
from rasl.services.imports.uploads import Upload
from rasl.services.inbound import applying as inbound
from rasl.services.operators import jobs
from rasl.services.sending.outbox import Outbox
from tests import samples
from tests.dispatch.looping import run_out, step
from tests.serving import Api, graph_requests
from tests.waiting import until
from tests.world import Person

PHONE = "+442079460011"
ASYNC = {"prefer": "respond-async"}


@pytest.fixture
async def outbox(api: Api, shared_dsn: str) -> AsyncIterator[Outbox]:
    """A worker's outbox on the test's database."""
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened


@contextlib.asynccontextmanager
async def working(outbox: Outbox) -> AsyncIterator[None]:
    """Have a worker running inside the block; it must still run at its end."""
    stop = asyncio.Event()
    worker = asyncio.create_task(work(outbox, stop))
    try:
        yield
        assert not worker.done(), "the worker ended by itself"
    finally:
        stop.set()
        await asyncio.wait_for(worker, 30)


async def execute(database: Database, sql: str, *values: Any) -> None:
    async with database.connection() as db:
        await db.execute(sql, *values)


async def value(database: Database, sql: str, *values: Any) -> Any:
    async with database.connection() as db:
        return await db.fetchval(sql, *values)


async def close_secret(database: Database, person: Person) -> None:
    """Make a number's access token one that no longer opens."""
    sql = "update whatsapp_numbers set access_token_sealed = $1 where id = $2"
    await execute(database, sql, b"x" * 60, person.number_id)


def has_status(database: Database, tenant_id: int, status: str) -> Callable[[], Awaitable[bool]]:
    async def look() -> bool:
        sql = "select bool_and(status = $2) from messages where tenant_id = $1"
        return bool(await value(database, sql, tenant_id, status))

    return look


async def test_a_number_whose_secret_does_not_open_stops_no_other(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for client in (api.globex, api.acme):
        assert (await client.send(PHONE, headers=ASYNC)).status == 202
    await close_secret(database, api.world.globex)
    async with working(outbox):
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
        await api.acme.send("+442079460012", headers=ASYNC)
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
    # WhatsApp has not heard of it, so it claims nothing else.
    assert await has_status(database, api.world.globex.tenant_id, "queued")()


async def test_a_message_of_a_type_we_do_not_know_stops_no_other(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for client in (api.globex, api.acme):
        await client.send(PHONE, headers=ASYNC)
    sql = "update messages set type = 'hologram' where tenant_id = $1"
    await execute(database, sql, api.world.globex.tenant_id)
    async with working(outbox):
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
        await until(has_status(database, api.world.globex.tenant_id, "queued"))
    assert [item["method"] for item in await graph_requests(api)].count("POST") == 1


async def receive(api: Api, outbox: Outbox, person: Person) -> None:
    """Let somebody send a picture to a number, and apply the webhook."""
    callback = {
        "phone_number_id": person.phone_number_id,
        "callback_url": f"{api.base_url}/webhooks/whatsapp/{person.callback_key}",
        "verify_token": person.verify_token,
        "app_secret": person.app_secret,
    }
    answer = await api.simulator.post("/_control/callback", callback)
    assert answer.status == 200, answer.body
    content = base64.b64encode(samples.PNG).decode()
    body = {"phone_number_id": person.phone_number_id, "type": "image", "content_base64": content}
    answer = await api.simulator.post("/_control/inbound", body)
    assert answer.body["ok"], answer.body
    assert await inbound.apply_due(outbox.resources.database, outbox.resources.sealer)


async def test_files_of_a_number_that_does_not_open_hold_back_no_others(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for _ in range(3):
        await receive(api, outbox, api.world.globex)
    await receive(api, outbox, api.world.acme)
    await close_secret(database, api.world.globex)

    async def is_loaded() -> bool:
        sql = "select content ? 'media_id' from messages where tenant_id = $1"
        return bool(await value(database, sql, api.world.acme.tenant_id))

    async with working(outbox):
        await until(is_loaded)


async def test_an_import_and_a_group_that_cannot_be_worked_on_stop_no_other(
    api: Api, outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    acme, globex = api.world.acme.tenant_id, api.world.globex.tenant_id
    prepare, clear = chunks._prepare, groups.clear_group

    async def prepare_some(database: Database, row: Any, number: int) -> Any:
        if row["tenant_id"] == globex:
            raise RuntimeError
        return await prepare(database, row, number)

    async def clear_some(database: Database, tenant_id: int, *others: Any) -> None:
        if tenant_id == globex:
            raise asyncio.CancelledError  # of something it waited for
        await clear(database, tenant_id, *others)

    monkeypatch.setattr(chunks, "_prepare", prepare_some)
    monkeypatch.setattr(groups, "clear_group", clear_some)
    for tenant_id in (globex, acme):
        upload = Upload(io.BytesIO(b"phone\n+442079460020\n"), "people.csv")
        await uploads.accept(database, tenant_id, upload, uploads.read_options({}))
        async with database.connection() as db:
            await group_rows.enqueue_clearing(db, tenant_id, 999)

    async def is_done() -> bool:
        return bool(await value(database, "select count(*) = 0 from jobs where tenant_id = $1", acme))

    async def has_failed() -> bool:
        sql = "select count(*) = 2 from jobs where tenant_id = $1 and failures > 0"
        return bool(await value(database, sql, globex))

    async with working(outbox):
        await until(is_done)
        await until(has_failed)


async def fail_until_set_aside(outbox: Outbox, database: Database) -> None:
    loop = Loop(Sending(outbox))
    for _ in range(backoff.MAX_JOB_FAILURES):
        await execute(database, "update jobs set due_at = now() where set_aside_at is null")
        assert await step(loop) == 1


async def the_message(api: Api) -> Any:
    (item,) = (await api.acme.get("/api/v2/messages")).data
    return (await api.acme.get(f"/api/v2/messages/{item['id']}?include=timeline")).data


async def test_a_message_set_aside_waits_says_so_and_is_sent_once_when_it_is_retried(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update messages set type = 'hologram'")
    await fail_until_set_aside(outbox, database)
    assert await step(Loop(Sending(outbox))) == 0
    message = await the_message(api)
    assert message["status"] == "queued"
    assert message["status_message"].startswith("Not sent: something on our side failed again and again.")
    await execute(database, "update messages set type = 'text'")
    assert await jobs.retry(database, "send", "acme", message["id"]) == 1
    await run_out(Loop(Sending(outbox)))
    message = await the_message(api)
    assert (message["status"], message["status_message"]) == ("sent", None)
    assert [item["method"] for item in await graph_requests(api)].count("POST") == 1
    assert await value(database, "select count(*) from jobs") == 0
    assert await value(database, "select array_agg(attempt) from message_attempts") == [1]


async def test_a_message_that_whatsapp_may_have_stays_unknown_when_its_next_attempt_fails_before_the_call(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    await execute(database, "update messages set type = 'hologram', status = 'unknown', is_ambiguous = true")
    await step(Loop(Sending(outbox)))
    assert await value(database, "select status from messages") == "unknown"
    assert await value(database, "select failures from jobs") == 1


async def test_what_fails_after_whatsapp_was_called_is_unknown_and_not_sent_again(
    api: Api, outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    async def take_and_fail(*arguments: Any) -> None:
        calls.append(arguments)
        raise RuntimeError("WhatsApp has it, and we fall over its answer")

    monkeypatch.setattr(outbox.resources.graph, "send_message", take_and_fail)
    await api.acme.send(PHONE, headers=ASYNC)
    await run_out(Loop(Sending(outbox)))
    assert len(calls) == 1
    message = await the_message(api)
    assert message["status"] == "unknown"
    assert message["timeline"][1]["title"] == "Something failed while it was sent"
    assert await value(database, "select count(*) from jobs") == 0


@pytest.mark.parametrize("failing", ["start_sending", "find_queued"])
async def test_a_step_that_loses_the_database_leaves_no_message_unknown(
    api: Api, outbox: Outbox, database: Database, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    await api.acme.send(PHONE, headers=ASYNC)
    real = getattr(messages, failing)

    async def lose(*arguments: Any) -> Any:
        await real(*arguments)
        raise OSError("gone")

    monkeypatch.setattr(messages, failing, lose)
    await execute(database, "update jobs set is_leased = true, due_at = now() - interval '1 second'")
    loop = Loop(Sending(outbox))
    with pytest.raises(ServiceUnavailable):
        await loop.step()
    monkeypatch.setattr(messages, failing, real)
    assert await loop.step() == 0  # it went back, due in a second
    assert (
        await value(database, "select (status, is_leased, failures)::text from messages, jobs")
        == "(queued,f,1)"
    )
    await execute(database, "update jobs set due_at = now()")
    await run_out(loop)
    assert await value(database, "select status from messages") == "sent"


async def test_a_backlog_of_a_number_that_does_not_open_is_left_alone_for_a_while(
    api: Api, outbox: Outbox, database: Database
) -> None:
    for _ in range(3):
        await api.acme.send(PHONE, headers=ASYNC)
    await close_secret(database, api.world.acme)
    loop = Loop(Sending(outbox))
    assert await step(loop) == 3
    await execute(database, "update jobs set due_at = now()")
    assert await step(loop) == 0
    assert api.world.acme.number_id in loop.kind.ask(0).paused
    assert await value(database, "select last_error from jobs limit 1") == (
        "SealError: access_token cannot be decrypted: RASL_SECRET_KEY is not the key it was stored with "
        "(sealing.py:40 in unseal)"
    )
