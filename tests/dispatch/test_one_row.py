"""One row that cannot be worked on stops no other: neither of its kind, nor of another tenant, nor the worker."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from rasl.app import build_engine, running
from rasl.db.pool import Database
from rasl.dispatch.worker import Worker
from rasl.services import inbound
from rasl.services.engine import Engine
from tests import samples
from tests.serving import Api, graph_requests
from tests.waiting import until
from tests.world import Person

PHONE = "+442079460011"
ASYNC = {"prefer": "respond-async"}


@pytest.fixture
async def engine(api: Api, shared_dsn: str) -> AsyncIterator[Engine]:
    """A worker's engine on the test's database."""
    async with running(build_engine(api.settings, shared_dsn)) as opened:
        yield opened


@contextlib.asynccontextmanager
async def working(engine: Engine) -> AsyncIterator[None]:
    """Have a worker running inside the block; it must still run at its end."""
    stop = asyncio.Event()
    worker = asyncio.create_task(Worker(engine).run(stop))
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
    api: Api, engine: Engine, database: Database
) -> None:
    for client in (api.globex, api.acme):
        assert (await client.send(PHONE, headers=ASYNC)).status == 202
    await close_secret(database, api.world.globex)
    async with working(engine):
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
        await api.acme.send("+442079460012", headers=ASYNC)
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
    # WhatsApp has not heard of it, so it claims nothing else.
    assert await has_status(database, api.world.globex.tenant_id, "queued")()


async def test_a_message_of_a_type_we_do_not_know_stops_no_other(
    api: Api, engine: Engine, database: Database
) -> None:
    for client in (api.globex, api.acme):
        await client.send(PHONE, headers=ASYNC)
    sql = "update messages set type = 'hologram' where tenant_id = $1"
    await execute(database, sql, api.world.globex.tenant_id)
    async with working(engine):
        await until(has_status(database, api.world.acme.tenant_id, "sent"))
        await until(has_status(database, api.world.globex.tenant_id, "queued"))
    assert [item["method"] for item in await graph_requests(api)].count("POST") == 1


async def receive(api: Api, engine: Engine, person: Person) -> None:
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
    assert await inbound.apply_due(engine.database, engine.sealer)


async def test_files_of_a_number_that_does_not_open_hold_back_no_others(
    api: Api, engine: Engine, database: Database
) -> None:
    for _ in range(3):
        await receive(api, engine, api.world.globex)
    await receive(api, engine, api.world.acme)
    await close_secret(database, api.world.globex)

    async def is_loaded() -> bool:
        sql = "select content ? 'media_id' from messages where tenant_id = $1"
        return bool(await value(database, sql, api.world.acme.tenant_id))

    async with working(engine):
        await until(is_loaded)
