"""kill -9 of PostgreSQL under load: answers stay quick and honest, and it comes back by itself."""

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgbox import EmbeddedPostgres
from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet, command, create_tenant, environment, fleet_of
from tests.acceptance.processes import ready
from tests.waiting import until

pytestmark = pytest.mark.acceptance

KILLS = 2


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A data folder of the test's own that root's PostgreSQL can pass through."""
    with tempfile.TemporaryDirectory(prefix="rasl-acceptance-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def kill_postmaster(postgres: EmbeddedPostgres) -> int:
    """Kill the server behind the back of whoever owns it, and return its process id."""
    pid = postgres.postmaster_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    return pid


async def until_answered(fleet: Fleet, http: int, count: int, seconds: float) -> None:
    """Wait until so many more requests were answered like that."""
    goal = len(fleet.history.answers(http)) + count

    async def is_reached() -> bool:
        return len(fleet.history.answers(http)) >= goal

    await until(is_reached, seconds, fleet.logs)


async def test_the_database_dies_and_stays_away_for_a_while(
    fleet: Fleet, people: People, postgres: EmbeddedPostgres
) -> None:
    server, worker = await fleet.serve(), await fleet.work()
    await fleet.connect(people.fast, server)
    await fleet.control("POST", "settings", {"latency_median": 0.05, "latency_sigma": 0.2})
    load = fleet.load(people.fast)
    async with load.running(server.url, clients=16):
        for _ in range(KILLS):
            await fleet.until_accepted(60)
            kill_postmaster(postgres)
            await until_answered(fleet, 503, 40, seconds=10)
            assert await ready(fleet.session, server.url) == 503
            async with fleet.session.get(f"{server.url}/livez") as alive:
                assert alive.status == 200
            await asyncio.to_thread(postgres.ensure_running)
            await until_answered(fleet, 200, 40, seconds=15)
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert {event["http"] for event in fleet.history.answers()} == {200, 503}
    assert max(event["seconds"] for event in fleet.history.answers(503)) < 10  # no request hangs
    assert not fleet.history.broken_bodies()

    async def is_told_to_be_back() -> bool:
        events = ("database_unavailable", "database_available_again")
        away, back = (server.whole_output().count(event) for event in events)
        return 1 <= away == back <= KILLS and await ready(fleet.session, server.url) == 200

    # An outage soon after another is not told again.
    await until(is_told_to_be_back, 10, server.output)
    assert "Traceback" not in server.whole_output()
    for process in (server, worker):
        process.terminate()
        assert await process.exit_code(30) == 0


async def test_the_embedded_database_comes_back_by_itself(
    simulator_url: str, own_folder: Path, tmp_path: Path
) -> None:
    settings = {"RASL_DATA_DIR": str(own_folder / "data")}
    owner = EmbeddedPostgres(own_folder / "data")
    async with fleet_of("", simulator_url, settings, tmp_path) as fleet:
        server = await fleet.serve()
        # We only attach: the servers own the database and have to bring it back.
        fleet.dsn = await asyncio.to_thread(owner.ensure_running)
        assert not owner.is_owner
        env = environment(**settings)
        tenant = await asyncio.to_thread(create_tenant, env, "own", "3", 1000)
        worker = await fleet.work()
        await fleet.connect(tenant, server)
        await fleet.control("POST", "settings", {"latency_median": 0.05, "latency_sigma": 0.2})
        async with fleet.load(tenant).running(server.url, clients=16):
            for _ in range(KILLS):
                await fleet.until_accepted(60)
                killed = kill_postmaster(owner)
                await until_answered(fleet, 200, 60, seconds=20)
                assert owner.postmaster_pid != killed
        verdict = await fleet.settle()
        assert verdict.is_green, str(verdict)
        assert fleet.history.answers(503)
        assert max(event["seconds"] for event in fleet.history.answers()) < 6
        assert not fleet.history.broken_bodies()
        assert [row["state"] for row in command(env, "token", "list", "--tenant", "own")["tokens"]] == [
            "active"
        ]
        owner.release()
        for process in (server, worker):
            process.terminate()
            assert await process.exit_code(30) == 0
