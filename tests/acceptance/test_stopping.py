"""SIGTERM under load: the server finishes what it took on, takes nothing it cannot finish, and resets nobody."""

import os
import signal
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet
from tests.acceptance.processes import Server, ready
from tests.waiting import until

pytestmark = pytest.mark.acceptance


@pytest.mark.parametrize(("workers", "times"), [(1, 2), (2, 1)])
async def test_a_server_told_to_stop_answers_what_it_accepted(
    fleet: Fleet, people: People, workers: int, times: int
) -> None:
    server = await fleet.serve(workers, RASL_DRAIN_SECONDS="0.5")
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
    # A connection is refused while nobody listens; none that was made is cut off.
    assert fleet.history.ways_to_break() <= {"ClientConnectorError"}
    # Not one is left for the worker: there was none.
    assert {row["status"] for row in rows} == {"sent"}
    worker = await fleet.work()
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert not verdict.ambiguous
    assert {event["http"] for event in fleet.history.answers()} == {200}
    worker.terminate()
    assert await worker.exit_code(30) == 0


async def test_readiness_goes_first_and_a_second_signal_ends_at_once(fleet: Fleet, people: People) -> None:
    server = await fleet.serve(RASL_DRAIN_SECONDS="120")
    await fleet.connect(people.fast, server)
    server.terminate()

    async def is_unready() -> bool:
        return await ready(fleet.session, server.url) == 503

    await until(is_unready, 10, server.output)
    async with fleet.session.get(f"{server.url}/livez") as answer:
        assert (answer.status, answer.headers["connection"]) == (200, "close")
    event = await fleet.load(people.fast).send(server.url)
    assert event["http"] == 200, event
    server.terminate()
    assert await server.exit_code(10) == 0, server.output()


async def test_a_process_that_dies_is_replaced_and_takes_no_other_along(fleet: Fleet) -> None:
    server = await fleet.serve(2)
    await until(server.has_announced, 30, server.output)
    first = children(server)
    assert len(first) == 2
    async with aiohttp.ClientSession() as session, session.get(f"{server.url}/livez") as answer:
        assert answer.status == 200
        os.kill(first[0], signal.SIGKILL)

    async def is_replaced() -> bool:
        return len(children(server)) == 2 and first[0] not in children(server)

    await until(is_replaced, 20, server.output)
    assert first[1] in children(server)

    async def is_told() -> bool:
        return "process_replaced" in server.output()

    await until(is_told, 20, server.output)
    assert await ready(fleet.session, server.url) == 200
    # Nor does one live on whose parent was killed: it would serve on a port that nobody knows of.
    before = children(server)
    os.kill(server.pid, signal.SIGKILL)

    async def is_gone() -> bool:
        return not any(_command(pid) for pid in before)

    await until(is_gone, 10, server.output)
    await server.exit_code(10)


def children(server: Server) -> list[int]:
    """Return the process ids of the children of a server that serve."""
    text = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text(encoding="ascii")
    return [pid for pid in map(int, text.split()) if b"--listener" in _command(pid)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


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
