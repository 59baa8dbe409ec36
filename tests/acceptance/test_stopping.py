"""SIGTERM under load: the server finishes what it took on, and takes nothing it cannot finish."""

import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize(("workers", "times"), [(1, 2), (2, 1)])
async def test_a_server_told_to_stop_answers_what_it_accepted(
    fleet: Fleet, people: People, workers: int, times: int
) -> None:
    server = await fleet.serve(workers)
    await fleet.connect(people.fast, server)
    await fleet.control("POST", "settings", {"latency_median": 0.3, "latency_sigma": 0.3})
    async with fleet.load(people.fast).running(server.url, clients=24):
        for _ in range(times):
            await fleet.until_accepted(60)
            server.terminate()
            assert await server.exit_code(30) == 0, server.output()
            await server.start(fleet.session)
        await fleet.until_accepted(20)
    rows = await fleet.fetch("select text, status from messages")
    assert not fleet.history.broken_bodies() & {row["text"] for row in rows}
    # Not one is left for the worker: there was none.
    assert {row["status"] for row in rows} == {"sent"}
    worker = await fleet.work()
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert not verdict.ambiguous
    assert {event["http"] for event in fleet.history.answers()} == {200}
    worker.terminate()
    assert await worker.exit_code(30) == 0


async def test_a_worker_told_to_stop_finishes_what_it_claimed(fleet: Fleet, people: People) -> None:
    server = await fleet.serve()
    await fleet.connect(people.slow, server)
    await fleet.control("POST", "settings", {"latency_median": 0.2, "latency_sigma": 0.3})
    await fleet.load(people.slow).send_many([server.url], 200, 24, is_async=True)
    for _ in range(2):
        worker = await fleet.work()
        await fleet.until_accepted(30)
        worker.terminate()
        assert await worker.exit_code(30) == 0
        rows = await fleet.fetch("select status from messages")
        assert {row["status"] for row in rows} <= {"queued", "sent", "delivered"}
    await fleet.work()
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert not verdict.ambiguous
    assert len(verdict.ok) == 200
