"""A server dies or sleeps in the middle of a send: its Idempotency-Key is free in time, and nothing doubles."""

import asyncio
from typing import Any

import aiohttp
import pytest

from tests import samples
from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet, Tenant
from tests.acceptance.processes import Server
from tests.api.v2.media_calls import form
from tests.waiting import until

pytestmark = pytest.mark.acceptance

LEASE_SECONDS = 2  # of the fleet


async def post(
    fleet: Fleet, server: Server, tenant: Tenant, path: str, **options: Any
) -> tuple[int, Any, Any]:
    """Send under the key of this test; 0 when no answer comes."""
    headers = {"authorization": f"Bearer {tenant.token}", "idempotency-key": "order-17"}
    try:
        async with fleet.session.post(
            f"{server.url}/api/v2/messages/{path}", headers=headers, **options
        ) as answer:
            return answer.status, await answer.json(), answer.headers
    except aiohttp.ClientError:
        return 0, {}, {}


async def post_file(fleet: Fleet, server: Server, tenant: Tenant) -> tuple[int, Any, Any]:
    """Send a picture under the key."""
    return await post(
        fleet, server, tenant, "media", data=form(samples.PNG, phone="+442079460011", media_type="image")
    )


async def post_text(fleet: Fleet, server: Server, tenant: Tenant) -> tuple[int, Any, Any]:
    """Send a text under the key."""
    return await post(fleet, server, tenant, "text", json={"phone": "+442079460011", "message": "hello"})


async def until_stored(fleet: Fleet) -> int:
    """Wait until the message is committed and return its id."""
    rows: list[Any] = []

    async def is_stored() -> bool:
        rows[:] = await fleet.fetch("select id from messages")
        return bool(rows)

    await until(is_stored, 30, fleet.logs)
    return int(rows[0]["id"])


async def until_sent(fleet: Fleet) -> None:
    """Wait until the message is."""

    async def is_sent() -> bool:
        rows = await fleet.fetch("select status from messages")
        return {row["status"] for row in rows} <= {"sent", "delivered", "read"}

    await until(is_sent, 30, fleet.logs)


async def test_the_key_of_a_dead_server_is_free_when_retry_after_says_so(
    fleet: Fleet, people: People
) -> None:
    first, second = await asyncio.gather(fleet.serve(), fleet.serve())
    slow = {"kind": "latency", "seconds": 30}
    await fleet.control(
        "POST", "faults", {"when": {"next": 1}, "match": {"endpoint": "media"}, "effect": slow}
    )
    dying = asyncio.create_task(post_file(fleet, first, people.fast))
    message_id = await until_stored(fleet)
    first.kill()
    assert (await dying)[0] == 0
    status, body, headers = await post_file(fleet, second, people.fast)
    assert (status, body["error"]["code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert 1 <= int(headers["retry-after"]) <= LEASE_SECONDS
    await asyncio.sleep(int(headers["retry-after"]))
    status, body, headers = await post_file(fleet, second, people.fast)
    assert (status, body["data"]["chat_message_id"], body["data"]["status"]) == (200, message_id, "sending")
    # It died while it gave the picture to Meta: the message was not sent, and is now.
    await fleet.work()
    await until_sent(fleet)
    assert await fleet.accepted() == 1
    assert len(await fleet.fetch("select 1 from messages")) == 1


async def test_a_server_that_only_slept_doubles_nothing(fleet: Fleet, people: People) -> None:
    first, second = await asyncio.gather(fleet.serve(), fleet.serve())
    late = {"kind": "latency", "seconds": 1, "after_accept": True}
    await fleet.control("POST", "faults", {"when": {"next": 1}, "effect": late})
    sleeping = asyncio.create_task(post_text(fleet, first, people.fast))
    await fleet.until_accepted(1)
    first.freeze()
    answers: list[tuple[int, Any, Any]] = []

    async def is_answered() -> bool:
        answers.append(await post_text(fleet, second, people.fast))
        return answers[-1][0] != 409

    await until(is_answered, 15, fleet.logs, pause=0.2)
    first.thaw()
    status, body, _ = answers[-1]
    slept_status, slept, _ = await sleeping
    assert (status, slept_status, slept["data"]["status"]) == (200, 200, "sent")
    assert body["data"]["chat_message_id"] == slept["data"]["chat_message_id"]
    await until_sent(fleet)
    assert await fleet.accepted() == 1
    again, replayed, headers = await post_text(fleet, second, people.fast)
    assert (again, replayed, headers["idempotent-replayed"]) == (200, body, "true")
