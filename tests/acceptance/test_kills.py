"""kill -9 of servers and workers under load: what was acknowledged is there, and nothing goes out twice."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet
from tests.acceptance.load import Load
from tests.waiting import until

pytestmark = pytest.mark.acceptance

KILLS = 5


async def take_time(fleet: Fleet) -> None:
    """Let Meta answer after 50 to 100 ms, half of the time well after it took the message."""
    await fleet.control("POST", "settings", {"latency_median": 0.05, "latency_sigma": 0.2})
    late = {"kind": "latency", "seconds": 0.05, "after_accept": True}
    await fleet.control("POST", "faults", {"when": {"probability": 0.5, "seed": 7}, "effect": late})


async def test_the_server_is_killed_in_the_middle_of_sending(fleet: Fleet, people: People) -> None:
    server = await fleet.serve()
    await fleet.connect(people.fast, server)
    await take_time(fleet)
    load = fleet.load(people.fast)
    async with load.running(server.url, clients=24):
        for _ in range(KILLS):
            await fleet.until_accepted(60)
            server.kill()
            await server.start(fleet.session)
    worker = await fleet.work()
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert server.kills == KILLS
    assert len(fleet.history.broken_bodies()) >= KILLS
    assert verdict.settled, "no message was in Meta's hands when its server died: nothing was tried"
    assert len(verdict.ok) > KILLS * 60
    statuses = await fleet.fetch("select distinct status from messages where wamid is not null")
    assert {row["status"] for row in statuses} <= {"sent", "delivered"}
    stored = await fleet.fetch("select id from messages where direction = 'outbound'")
    assert await fleet.listed_ids(server, people.fast) == {row["id"] for row in stored}
    worker.terminate()
    server.terminate()
    assert [await worker.exit_code(30), await server.exit_code(30)] == [0, 0]


async def test_the_worker_is_killed_in_the_middle_of_a_backlog(fleet: Fleet, people: People) -> None:
    server = await fleet.serve()
    await fleet.connect(people.slow, server)
    await take_time(fleet)
    load = fleet.load(people.slow)
    await load.send_many([server.url], 500, 24, is_async=True)
    assert len(fleet.history.answers(202)) == 500
    worker = await fleet.work()
    for _ in range(KILLS):
        await fleet.until_accepted(25)
        worker.kill()
        await worker.start()
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert worker.kills == KILLS
    assert verdict.settled, "no message was in Meta's hands when its worker died: nothing was tried"
    assert not verdict.unanswered
    assert len(verdict.ok) + len(verdict.held) == 500


async def test_a_server_that_freezes_and_wakes_late_changes_nothing(fleet: Fleet, people: People) -> None:
    server, other, worker = await fleet.serve(), await fleet.serve(), await fleet.work()
    # The echo comes through a server that is awake, but not before the frozen one was given up.
    await fleet.connect(people.fast, other)
    await fleet.control("POST", "settings", {"latency_median": 0.1, "sent_delay": 6, "delivered_delay": 7})
    load = fleet.load(people.fast)
    async with load.running(server.url, clients=16):
        await fleet.until_accepted(40)

        async def is_sending() -> bool:
            # Not between two rounds: what is frozen there, before its commit, was never accepted.
            return bool(await fleet.fetch("select 1 from messages where status = 'sending'"))

        await until(is_sending, 20, fleet.logs)
        server.freeze()

        async def is_given_up() -> bool:
            query = "select 1 from messages where status in ('sending', 'queued')"
            # Not the status `unknown`, which ends with the echo.
            return bool(await fleet.fetch("select 1 from messages where is_ambiguous")) and not (
                await fleet.fetch(query)
            )

        await until(is_given_up, 20, fleet.logs)
        server.thaw()
        await fleet.until_accepted(40)
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert verdict.settled
    assert not verdict.held, "what it learned late was lost"
    for process in (server, other, worker):
        process.terminate()
        assert await process.exit_code(30) == 0


async def retried(load: Load, url: str, key: str) -> dict[str, Any]:
    """Repeat a request until it is answered by more than `try again`."""
    answer: dict[str, Any] = {}

    async def is_answered() -> bool:
        nonlocal answer
        answer = await load.send(url, f"body of {key}", key)
        return answer["event"] == "answered" and answer["http"] not in {409, 503}

    await until(is_answered, 40, lambda: str(answer), pause=0.5)
    return answer


async def test_a_key_names_one_message_even_when_the_server_dies(fleet: Fleet, people: People) -> None:
    fleet.env["RASL_GRAPH_TIMEOUT_SECONDS"] = "0.5"
    server = await fleet.serve()
    await fleet.connect(people.fast, server)
    await take_time(fleet)
    load, keys = fleet.load(people.fast), [f"order-{number}" for number in range(40)]

    async def fire(key: str) -> None:
        await asyncio.gather(*(load.send(server.url, f"body of {key}", key) for _ in range(8)))

    firing = [asyncio.create_task(fire(key)) for key in keys]
    await fleet.until_accepted(5)
    server.kill()
    await asyncio.gather(*firing)
    await server.start(fleet.session)
    worker = await fleet.work()
    answers = await asyncio.gather(*(retried(load, server.url, key) for key in keys))
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert len(fleet.history.broken_bodies()) >= 5
    assert {answer["http"] for answer in answers} == {200}
    assert len({answer["id"] for answer in answers}) == len(keys)
    assert len(await fleet.fetch("select 1 from messages")) == len(keys)
    again = await asyncio.gather(*(load.send(server.url, f"body of {key}", key) for key in keys))
    assert [(item["value"], item["replayed"]) for item in again] == [
        (item["value"], True) for item in answers
    ]
    worker.terminate()
    assert await worker.exit_code(30) == 0
