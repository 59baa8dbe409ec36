"""Meta misbehaves in every way at once: nothing is lost, nothing goes out twice, what is unclear is settled by echo."""

import asyncio
import contextlib
import os
import sys
from typing import Any

import pytest

from tests.acceptance import poison
from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet, Tenant, create_tenant
from tests.acceptance.load import History, Load
from tests.acceptance.processes import Server
from tests.waiting import until

pytestmark = pytest.mark.acceptance

# `STORM_MESSAGES=10000 pytest -n 0 -s tests/acceptance/test_faults.py` is the storm of the release.
MESSAGES = int(os.environ.get("STORM_MESSAGES", "500"))
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


async def test_what_one_tenant_or_a_stranger_does_stops_nobody_else(fleet: Fleet, people: People) -> None:
    server, worker = await fleet.serve(), await fleet.work()
    await fleet.connect(people.fast, server)
    poisoner = await locked_out(fleet, server)
    load = fleet.load(people.fast)
    async with contextlib.AsyncExitStack() as storm:
        for act, pause in (
            (poison.nonsense_of(fleet, server, poisoner), 0.02),
            (poison.cancelled_statements(fleet), 0.2),
            (poison.header_flood(server), 0.5),
        ):
            await storm.enter_async_context(poison.again_and_again(act, pause))
        await asyncio.gather(
            load.send_many([server.url], MESSAGES // 2, 8),
            load.send_many([server.url], MESSAGES // 2, 8, is_async=True),
        )
        verdict = await fleet.settle()
    assert verdict.is_green, str(verdict)
    assert not fleet.history.broken_bodies()
    assert not verdict.held, "a cancelled statement made a message unknown"

    async def is_applied() -> bool:
        waiting = "select 1 from ingests where applied_at is null and failures = 0 limit 1"
        return not await fleet.fetch(waiting)

    await until(is_applied)
    sys.stderr.write(await waits(fleet, poisoner))
    for process in (server, worker):
        process.terminate()
        assert await process.exit_code(30) == 0


async def locked_out(fleet: Fleet, server: Server) -> Tenant:
    """Return a tenant with a backlog, a number that does not open, and messages that only a newer program knows."""
    tenant = await asyncio.to_thread(create_tenant, fleet.env, "locked", "3", 80)
    fleet.disregarded.append(tenant.subdomain)
    late = History(fleet.folder / "locked.jsonl")
    await fleet.connect(tenant, server)
    await fleet.fetch(
        "update whatsapp_numbers set messages_per_second = 1 where phone_number_id = $1",
        tenant.phone_number_id,
    )
    await Load(fleet.session, late, tenant.token, tenant.subdomain).send_many(
        [server.url], 50, 8, is_async=True
    )
    late.close()
    await poison.estrange(fleet, tenant, 5)
    await poison.lock_number(fleet, tenant)
    return tenant


async def waits(fleet: Fleet, besides: Tenant) -> str:
    """Return how long the others waited at most: a figure to look at, not one to judge by."""
    rows = await fleet.fetch(
        """
        select (select max(extract(epoch from m.sent_at - m.created_at)) from messages m
                join tenants t on t.id = m.tenant_id
                where t.subdomain <> $1 and m.direction = 'outbound')::float8 as sending,
               (select max(extract(epoch from i.applied_at - i.received_at)) from ingests i
                join whatsapp_numbers n on n.app_id = i.app_id
                where n.phone_number_id <> $2)::float8 as applying
        """,
        besides.subdomain,
        besides.phone_number_id,
    )
    return f"longest wait of the others: {dict(rows[0])}\n"
