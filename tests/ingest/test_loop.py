import asyncio

import pytest
from structlog.testing import capture_logs

from rasl.db.pool import Database
from rasl.dispatch import ingesting
from rasl.dispatch.ingesting import Ingesting
from rasl.errors import ServiceUnavailable
from rasl.sealing import Sealer
from rasl.services.inbound import applying
from rasl.services.sending import statuses
from tests.ingest import posts
from tests.ingest.posts import Post, outbound, status, text
from tests.world import World


@pytest.fixture
def post(database: Database, sealer: Sealer) -> Post:
    return Post(database, sealer)


async def test_a_step_applies_and_sweeps(post: Post, world: World, sealer: Sealer) -> None:
    acme = world.acme
    message_id = await outbound(post, acme)
    await post.deliver(acme, posts.statuses(acme, status("wamid.1", "read")))
    async with post.database.connection() as db:
        await db.execute(
            "insert into message_wamids (tenant_id, wamid, message_id) values ($1, 'wamid.1', $2)",
            acme.tenant_id,
            message_id,
        )
        # Parked long ago: nobody swept meanwhile.
        await db.execute("update message_statuses set received_at = now() - interval '1 day'")
    await post.put(acme, posts.messages(acme, text("wamid.2", "hi")))
    assert await Ingesting(post.database, sealer).step() == 1
    assert await post.value("select status from messages where id = $1", message_id) == "read"
    assert await post.value("select count(*) from messages where direction = 'inbound'") == 1


async def test_an_outage_is_no_failure_of_the_loop(
    post: Post, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> int:
        raise ServiceUnavailable

    monkeypatch.setattr(applying, "apply_due", refuse)
    loop = Ingesting(post.database, sealer)
    with capture_logs() as lines:
        assert [await loop.step() for _ in range(3)] == [None] * 3
    assert lines == []  # whoever lends connections tells it, once for all loops


async def test_the_loop_runs_until_it_is_stopped(
    post: Post, world: World, sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "POLL_SECONDS", 30)
    wake, stop, swept = asyncio.Event(), asyncio.Event(), asyncio.Event()
    sweep = statuses.sweep_parked

    async def sweep_and_tell(*values: object) -> int:
        swept.set()
        return await sweep(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(statuses, "sweep_parked", sweep_and_tell)
    running = asyncio.create_task(ingesting.run(post.database, sealer, wake, stop))
    await swept.wait()
    await post.put(world.acme, posts.messages(world.acme, text("wamid.1", "hi")))
    async with asyncio.timeout(10):
        while not await post.value("select count(*) from messages"):
            wake.set()
        stop.set()
        await running
