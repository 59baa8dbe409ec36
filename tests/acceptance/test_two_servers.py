"""Two server processes are one API: limits count once, and a revoked token is refused by both."""

import asyncio
import time
from typing import Any

import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet
from tests.acceptance.processes import Server
from tests.waiting import until

pytestmark = pytest.mark.acceptance


async def call(fleet: Fleet, server: Server, token: str) -> tuple[int, Any]:
    """Read one page of messages."""
    headers = {"authorization": f"Bearer {token}"}
    async with fleet.session.get(f"{server.url}/api/v2/messages", headers=headers) as answer:
        await answer.read()
        return answer.status, answer.headers


async def minted(fleet: Fleet, rate_limit: int) -> dict[str, Any]:
    """Create a token."""
    options = ("--tenant", "fast", "--name", "two", "--scopes", "messages:read")
    return await fleet.command("token", "create", *options, "--rate-limit", str(rate_limit))


async def two(fleet: Fleet) -> tuple[Server, Server]:
    """Start two servers."""
    first, second = await asyncio.gather(fleet.serve(), fleet.serve())
    return first, second


async def test_a_limit_holds_across_processes(fleet: Fleet, people: People) -> None:  # noqa: ARG001
    servers = await two(fleet)
    for _ in range(3):
        token = (await minted(fleet, 30))["token"]
        begun = time.monotonic()
        answers = await asyncio.gather(*(call(fleet, servers[place % 2], token) for place in range(80)))
        assert time.monotonic() - begun < 2, "too slow: the limit refills every 2 seconds"
        assert sorted(status for status, _ in answers) == [200] * 30 + [429] * 50
        for status, headers in answers:
            assert headers["x-ratelimit-limit"] == "30"
            assert int(headers["x-ratelimit-remaining"]) in range(30)
            assert ("retry-after" in headers) == (status == 429)


async def test_a_revoked_token_is_refused_everywhere_within_a_second(
    fleet: Fleet,
    people: People,  # noqa: ARG001
) -> None:
    servers = await two(fleet)
    token = await minted(fleet, 1_000_000)
    for server in servers:
        assert (await call(fleet, server, token["token"]))[0] == 200
    is_over = asyncio.Event()

    async def last_accepted(server: Server) -> float:
        """Use the token without pause and return when it was last let in."""
        last = 0.0
        while not is_over.is_set():
            asked = time.monotonic()
            status, _ = await call(fleet, server, token["token"])
            assert status in {200, 401}
            last = asked if status == 200 else last
            await asyncio.sleep(0.01)
        return last

    async def is_refused() -> bool:
        return {(await call(fleet, server, token["token"]))[0] for server in servers} == {401}

    using = [asyncio.create_task(last_accepted(server)) for server in servers]
    await fleet.command("token", "revoke", "--tenant", "fast", str(token["id"]))
    revoked = time.monotonic()
    await until(is_refused, 10)
    is_over.set()
    # The promise is a second; the rest is for a busy machine.
    assert max(await asyncio.gather(*using)) - revoked < 5

    for server in servers:
        assert (await call(fleet, server, token["token"]))[0] == 401
