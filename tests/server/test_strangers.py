"""The memory that requests of unknown callers may hold in all, and who gives way."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from rasl.server import Limits
from tests.server.raw import Echo, Raw, connected, get, post
from tests.serving import serving
from tests.waiting import until

LIMITS = Limits(stranger_bytes=300_000)


@contextlib.asynccontextmanager
async def many(url: str, count: int) -> AsyncIterator[list[Raw]]:
    """Have several connections inside the block."""
    async with contextlib.AsyncExitStack() as stack:
        yield [await stack.enter_async_context(connected(url)) for _ in range(count)]


async def begin(app: Echo, raw: Raw, path: str, size: int, sent: int) -> None:
    """Send a part of a body whose head the application has seen."""
    count = len(app.seen)
    await raw.send(post(path, size))

    async def is_seen() -> bool:
        return len(app.seen) > count

    await until(is_seen)
    await raw.send(b"x" * sent)


async def test_the_oldest_of_the_slow_ones_gives_way() -> None:
    app = Echo()
    async with serving(app, LIMITS) as (server, url), many(url, 8) as slow:
        for raw in slow:
            await begin(app, raw, "/share/a", 100_000, 60_000)

        async def has_settled() -> bool:
            return server.intake.total > 200_000

        await until(has_settled)
        assert await slow[0].refusal() == (503, "SERVICE_UNAVAILABLE")
        assert server.intake.total <= LIMITS.stranger_bytes
        # Whoever is quick is never the oldest.
        async with connected(url) as quick:
            await quick.send(post("/share/a", 100_000) + b"x" * 100_000)
            assert (await quick.answer())[2]["size"] == 100_000


async def test_a_flood_in_one_name_takes_no_other_share() -> None:
    app = Echo()
    async with serving(app, LIMITS) as (_, url), many(url, 12) as flood, connected(url) as honest:
        await begin(app, honest, "/share/b", 80_000, 40_000)  # the oldest of all, and slow
        for raw in flood:
            await begin(app, raw, "/share/a", 100_000, 50_000)
        assert await flood[0].refusal() == (503, "SERVICE_UNAVAILABLE")
        await honest.send(b"x" * 40_000)
        assert (await honest.answer())[2]["size"] == 80_000


async def test_a_burst_refuses_those_that_come_too_late_and_not_those_that_had_no_time() -> None:
    async with serving(Echo(), LIMITS) as (server, url), connected(url) as honest, many(url, 40) as flood:
        honest.write(post("/share/b", 80_000) + b"x" * 40_000)
        for raw in flood:
            raw.write(post("/share/a", 100_000) + b"x" * 50_000)
        assert await flood[-1].refusal() == (503, "SERVICE_UNAVAILABLE")
        assert server.intake.total <= LIMITS.stranger_bytes
        await honest.send(b"x" * 40_000)
        assert (await honest.answer())[2]["size"] == 80_000


async def test_half_heads_count_too() -> None:
    async with serving(Echo(), LIMITS) as (server, url), many(url, 20) as slow:
        for raw in slow:
            await raw.send(get("/", b"X: " + b"x" * 50_000)[:-2])
        assert await slow[0].refusal() == (503, "SERVICE_UNAVAILABLE")

        async def is_bounded() -> bool:
            return 200_000 < server.intake.total <= LIMITS.stranger_bytes

        await until(is_bounded)


async def test_a_known_caller_is_not_counted_and_a_stranger_not_read_before_it_is_wanted() -> None:
    app = Echo()
    async with serving(app, LIMITS) as (server, url), many(url, 3) as known, connected(url) as stranger:
        for raw in known:
            await begin(app, raw, "/known", 2_000_000, 1_000_000)
        assert server.intake.total < 10_000
        await stranger.send(post("/wait/known", 5_000_000))
        await app.waiting.acquire()
        flooding = asyncio.create_task(stranger.send(b"x" * 5_000_000))
        for raw in known:
            await raw.send(b"x" * 1_000_000)
            assert (await raw.answer())[2]["size"] == 2_000_000
        assert server.intake.total <= LIMITS.stranger_bytes
        assert not flooding.done()
        app.go_on.set()
        assert (await stranger.answer())[2]["size"] == 5_000_000
        await flooding


async def test_what_ends_is_not_counted_any_more() -> None:
    app = Echo()
    async with serving(app, LIMITS) as (server, url):
        async with many(url, 4) as raws:
            for raw in raws:
                await raw.send(post("/share/a", 100_000) + b"x" * 50_000)
        async with connected(url) as raw:
            await raw.send(post("/unread", 50_000) + b"x" * 50_000)
            assert (await raw.answer())[0] == 200

            async def is_empty() -> bool:
                return server.intake.total == 0

            await until(is_empty)


async def test_a_complete_request_that_is_refused_is_not_acted_on() -> None:
    app = Echo()
    async with serving(app, LIMITS) as (server, url), many(url, 5) as waiting, connected(url) as late:
        for raw in waiting:
            await raw.send(post("/wait", 58_000) + b"x" * 58_000)
            await app.waiting.acquire()
        assert server.intake.total > 280_000
        await late.send(post("/late", 50_000) + b"x" * 50_000)
        assert await late.refusal() == (503, "SERVICE_UNAVAILABLE")
        assert "/late" not in app.seen
        app.go_on.set()
        for raw in waiting:
            assert (await raw.answer())[2]["size"] == 58_000
