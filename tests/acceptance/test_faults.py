"""Meta misbehaves in every way at once: nothing is lost, nothing goes out twice, what is unclear is settled by echo."""

import asyncio
from typing import Any

import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet

pytestmark = pytest.mark.acceptance

MESSAGES = 500
STORM: tuple[tuple[float, Any], ...] = (
    (0.04, "html_502"),
    (0.04, "empty_500"),
    (0.04, "reset"),
    (0.05, "drop_after_accept"),
    (0.05, "truncated_200"),
    (0.02, "no_contacts"),
    (0.04, {"kind": "error", "code": 130429}),
    (0.02, {"kind": "error", "code": 131056}),
    (0.04, {"kind": "error", "code": 131000}),
    (0.01, {"kind": "error", "code": 131026, "via": "sync"}),
    (0.50, {"kind": "latency", "median": 0.03, "sigma": 0.6}),
    (0.20, {"kind": "latency", "seconds": 0.05, "after_accept": True}),
    (0.01, {"kind": "latency", "seconds": 3.0, "after_accept": True}),
)
AMBIGUOUS = {"html_502", "empty_500", "reset", "drop_after_accept", "truncated_200"}


async def test_a_storm_of_faults(fleet: Fleet, people: People) -> None:
    fleet.env["RASL_GRAPH_TIMEOUT_SECONDS"] = "2"
    server, worker = await fleet.serve(), await fleet.work()
    await fleet.connect(people.fast, server)
    for seed, (probability, effect) in enumerate(STORM):
        rule = {"when": {"probability": probability, "seed": seed}, "effect": effect}
        await fleet.control("POST", "faults", rule)
    load = fleet.load(people.fast)
    await asyncio.gather(
        load.send_many([server.url], MESSAGES // 2, 12),
        load.send_many([server.url], MESSAGES // 2, 12, is_async=True),
    )
    verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert not fleet.history.broken_bodies()
    assert {event["http"] for event in fleet.history.answers()} == {200, 202, 500}
    assert len(verdict.ok) + len(verdict.held) == MESSAGES
    # Not by luck: every kind of fault struck, and each that leaves us in the dark made a message ambiguous.
    struck = await faults_struck(fleet)
    assert all(count > 0 for count in struck.values()), struck
    assert len(struck) == len(STORM)
    assert len(verdict.settled) > MESSAGES * 0.05
    assert len(verdict.held) > MESSAGES * 0.05
    unsure = sum(count for name, count in struck.items() if name in AMBIGUOUS)
    assert unsure <= len(verdict.ambiguous)
    for process in (server, worker):
        process.terminate()
        assert await process.exit_code(30) == 0


async def faults_struck(fleet: Fleet) -> dict[str, int]:
    """Return how often each fault struck."""
    rules = (await fleet.control("GET", "faults"))["data"]
    return {_name(rule): rule["struck"] for rule in rules}


def _name(rule: dict[str, Any]) -> str:
    effect = rule["rule"]["effect"]
    if isinstance(effect, str):
        return effect
    kind = str(effect["kind"])
    details = [str(effect[key]) for key in ("code", "seconds", "median") if effect.get(key)]
    return ":".join([kind, *details])
