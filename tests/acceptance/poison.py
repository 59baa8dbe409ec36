"""What one tenant, or nobody at all, may do to an installation that others share."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from rasl.graph.signature import sign
from tests.acceptance.fleet import Fleet, Tenant
from tests.acceptance.processes import Server

# Signed bodies that are no deliveries, each in a way of its own.
NONSENSE = (
    b"null",
    b"[]",
    b'"text"',
    b"17",
    b"{",
    b"\xff\xfe",
    b'{"entry":[null]}',
    b'{"entry":[[]]}',
    b'{"entry":{"id":"1"}}',
    b'{"entry":[{"id":"1","changes":[null]}]}',
    b'{"entry":[{"id":"1","changes":[[]]}]}',
    b'{"entry":[{"id":"1","changes":[{"field":"messages","value":[[null]]}]}]}',
    b"[" * 5000 + b"]" * 5000,
)
_HEAD = b"GET /api/v2/contacts HTTP/1.1\r\nhost: rasl\r\nx-flood: "
_PIECE = b"x" * 65_536
_PIECES = 256  # 16 MB, unless somebody hangs up


@contextlib.asynccontextmanager
async def again_and_again(act: Callable[[], Awaitable[None]], pause: float) -> AsyncIterator[None]:
    """Do something over and over while the block runs; whatever is refused is tried again."""

    async def act_for_ever() -> None:
        while True:
            with contextlib.suppress(aiohttp.ClientError, OSError, asyncpg.PostgresError, TimeoutError):
                await act()
            await asyncio.sleep(pause)

    task = asyncio.create_task(act_for_ever())
    try:
        yield
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def nonsense_of(fleet: Fleet, server: Server, tenant: Tenant) -> Callable[[], Awaitable[None]]:
    """Return what posts one signed body after the other that is no delivery."""
    bodies = itertools.cycle([*NONSENSE, *_nearly_right(tenant)])

    async def post() -> None:
        body = next(bodies)
        headers = {"x-hub-signature-256": sign(body, tenant.app_secret), "content-type": "application/json"}
        async with fleet.session.post(
            server.url + tenant.callback_path, data=body, headers=headers
        ) as answer:
            await answer.read()

    return post


def _nearly_right(tenant: Tenant) -> list[bytes]:
    """Return deliveries to a known number with parts that are none."""
    metadata = {"display_phone_number": "1", "phone_number_id": tenant.phone_number_id}
    parts: tuple[dict[str, list[Any]], ...] = (
        {"statuses": [None]},
        {"messages": [None, [], 7]},
        {"messages": [{"id": "wamid.P1", "from": "4420794600\u0000", "type": "text", "text": []}]},
        {
            "statuses": [
                {"id": "wamid.P2", "status": "failed", "errors": [{"code": 2**70, "title": "\u0000"}]}
            ]
        },
    )
    return [
        json.dumps(
            {
                "entry": [
                    {
                        "id": tenant.waba_id,
                        "changes": [{"field": "messages", "value": {"metadata": metadata, **part}}],
                    }
                ]
            }
        ).encode()
        for part in parts
    ]


def cancelled_statements(fleet: Fleet) -> Callable[[], Awaitable[None]]:
    """Return what cancels each statement under way with a chance of one in five."""

    async def cancel() -> None:
        await fleet.fetch(
            """
            select pg_cancel_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'rasl' and state = 'active' and random() < 0.2
            """
        )

    return cancel


def header_flood(server: Server) -> Callable[[], Awaitable[None]]:
    """Return what sends a head without an end, until somebody hangs up."""
    address = urlsplit(server.url)

    async def flood() -> None:
        _reader, writer = await asyncio.open_connection(address.hostname, address.port)
        try:
            writer.write(_HEAD)
            for _ in range(_PIECES):
                writer.write(_PIECE)
                await writer.drain()
        finally:
            writer.close()

    return flood


async def lock_number(fleet: Fleet, tenant: Tenant) -> bytes:
    """Make the access token of a number unreadable, as one stored under another key is; returns what it was."""
    rows = await fleet.fetch(
        "select access_token_sealed from whatsapp_numbers where phone_number_id = $1", tenant.phone_number_id
    )
    await fleet.fetch(
        "update whatsapp_numbers set access_token_sealed = '\\x00' where phone_number_id = $1",
        tenant.phone_number_id,
    )
    return bytes(rows[0]["access_token_sealed"])


async def estrange(fleet: Fleet, tenant: Tenant, count: int) -> None:
    """Give so many queued messages a type that only a newer program knows."""
    await fleet.fetch(
        """
        update messages m set type = 'hologram' from (
            select m.tenant_id, m.id from messages m join tenants t on t.id = m.tenant_id
            where t.subdomain = $1 and m.status = 'queued' order by m.id limit $2
        ) s where m.tenant_id = s.tenant_id and m.id = s.id
        """,
        tenant.subdomain,
        count,
    )
