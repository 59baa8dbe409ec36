"""What sending costs: closed loop beside the yardstick, steady rate at Meta's latency, steady with webhooks beside."""

import asyncio
import contextlib
import hashlib
import os
import platform
import statistics
import time
import timeit
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from bench import world as worlds
from bench.load import Order, Outcome, Sends, Webhooks
from bench.procs import (
    BenchError,
    Measured,
    Postgres,
    Running,
    call,
    control,
    free_port,
    measure,
    server,
    wait_until_quiet,
)
from bench.servers import HOST, Plan
from bench.world import FIRST_RECIPIENT, RECIPIENTS, World
from rasl.db.schema import migrate

_LATENCY = {"latency_median": 0.1, "latency_sigma": 0.35}
_NO_LATENCY = {"latency_median": 0.0}
_DRAIN_SECONDS = 30.0
_TEMPLATE = {
    "name": "parcel_today",
    "language": "en_US",
    "status": "APPROVED",
    "category": "UTILITY",
    "components": [{"type": "BODY", "text": "Hi {{1}}, your parcel {{2}} arrives today."}],
}
_APPS = {"template": "rasl", "rasl": "rasl", "yardstick": "yardstick"}  # which process does what
Progress = Callable[[str], None]


class Options(msgspec.Struct, frozen=True):
    """How much to run."""

    seconds: float = 8.0
    warm_seconds: float = 3.0
    rounds: int = 4
    steady_seconds: float = 20.0
    rate: float = 1000.0
    webhook_rate: float = 3000.0
    connections: int = 64
    steady_connections: int = 800
    scenarios: tuple[str, ...] = ("closed", "steady", "webhooks")
    statements: bool = False


class Run(msgspec.Struct, frozen=True):
    """One server under one load; CPU is in us per message, or in percent of one core at a steady rate."""

    server: str
    outcome: Outcome
    cpu: dict[str, float]
    percent: dict[str, float]


class Ingest(msgspec.Struct, frozen=True):
    """What became of the webhooks beside a steady load; seconds."""

    outcome: Outcome
    applied_per_second: float
    lag_p50: float
    lag_p99: float
    drained_after: float
    left: int


class Report(msgspec.Struct):
    """Everything one run measured."""

    machine: dict[str, Any]
    options: Options
    closed: list[Run] = []
    steady: Run | None = None
    webhooks: Run | None = None
    ingest: Ingest | None = None
    statements: list[dict[str, Any]] = []
    logged: dict[str, int] = {}  # errors and warnings by process


class Stage(msgspec.Struct, frozen=True):
    """The processes that stay up during all scenarios."""

    dsn: str
    world: World
    ports: dict[str, int]
    running: dict[str, Running]
    pids: dict[str, int]
    plan: Plan


def run(options: Options, say: Progress) -> Report:
    """Run the scenarios one after the other."""
    report = Report(machine=_machine(), options=options)
    with contextlib.ExitStack() as stack:
        say("starting a durable PostgreSQL, the simulator, RASL and the yardstick")
        stage = set_up(stack, options)
        if "closed" in options.scenarios:
            report.closed = list(_closed(stage, options, say))
        control(stage.ports["simulator"], "settings", _LATENCY)
        if "steady" in options.scenarios:
            say(f"steady {options.rate:.0f} msg/s at 100 ms Graph latency")
            measured = measure([sends(stage, options, "rasl", options.rate)], watched(stage, "rasl"))
            report.steady = read(measured, "rasl", options.steady_seconds)
            wait_until_quiet(stage.pids["rasl"])
        if "webhooks" in options.scenarios:
            worker = stack.enter_context(_worker(stage))
            port = free_port()
            # As `rasl serve --workers 2` would share the work: Meta's door in another process than the sends.
            door = stack.enter_context(
                server("rasl", msgspec.structs.replace(stage.plan, port=port, world=stage.world))
            )
            pids = {"worker": worker.pid, "door": door.pid}
            report.webhooks, report.ingest = _with_webhooks(stage, options, port, pids, say)
            wait_until_quiet(stage.pids["rasl"])
        report.logged = {name: running.count_errors() for name, running in stage.running.items()}
        if options.statements:
            report.statements = _statements(stage.dsn)
    return report


def set_up(stack: contextlib.ExitStack, options: Options) -> Stage:
    """Start everything that sends, as long as the stack is open."""
    postgres = stack.enter_context(Postgres(has_statements=options.statements))
    asyncio.run(migrate(postgres.dsn))
    if options.statements:
        asyncio.run(worlds.execute(postgres.dsn, "create extension pg_stat_statements"))
    world = asyncio.run(worlds.build_world(postgres.dsn))
    ports = {name: free_port() for name in ("simulator", "rasl", "yardstick")}
    graph_url = f"http://{HOST}:{ports['simulator']}"
    plans = {name: Plan(port, postgres.dsn, graph_url, world) for name, port in ports.items()}
    running = {name: stack.enter_context(server(name, plan)) for name, plan in plans.items()}
    pids = {name: process.pid for name, process in running.items()} | {"postgres": postgres.pid}
    number = {
        "phone_number_id": world.phone_number_id,
        "waba_id": world.waba_id,
        "tokens": [world.access_token],
        "app_secret": world.app_secret,
    }
    control(ports["simulator"], "numbers", number)
    control(ports["simulator"], "templates", {"waba_id": world.waba_id, "templates": [_TEMPLATE]})
    call(ports["rasl"], "/api/v2/templates/sync", {}, {"Authorization": f"Bearer {world.token}"})
    return Stage(postgres.dsn, world, ports, running, pids, Plan(0, postgres.dsn, graph_url))


def _closed(stage: Stage, options: Options, say: Progress) -> Iterator[Run]:
    """Texts, templates and the yardstick in turn: what disturbs one disturbs the others."""
    control(stage.ports["simulator"], "settings", _NO_LATENCY)
    for number in range(options.rounds):
        for name, app in _APPS.items():
            order = sends(stage, options, name, None, offset=number * 4001)
            result = read(measure([order], watched(stage, app)), name, options.seconds)
            say(f"closed loop {number + 1}/{options.rounds} {name}: {result.outcome.per_second:.0f} msg/s")
            yield result


def sends(stage: Stage, options: Options, name: str, rate: float | None, offset: int = 0) -> Order:
    """Return what the load generator is to send, closed loop where there is no rate (messages a second)."""
    return Order(
        host=HOST,
        port=stage.ports[_APPS[name]],
        what=Sends(
            stage.world.token,
            FIRST_RECIPIENT,
            RECIPIENTS,
            offset,
            str(_TEMPLATE["name"]) if name == "template" else None,
        ),
        connections=options.connections if rate is None else options.steady_connections,
        warm_seconds=options.warm_seconds,
        seconds=options.seconds if rate is None else options.steady_seconds,
        rate=rate,
    )


def watched(stage: Stage, app: str) -> dict[str, int]:
    """Return the processes whose CPU counts while an app sends."""
    return {"app": stage.pids[app], "postgres": stage.pids["postgres"], "simulator": stage.pids["simulator"]}


def read(measured: Measured, name: str, seconds: float) -> Run:
    """Return what was measured of a server; raises BenchError when an answer was no success."""
    outcome = measured.outcomes[0]
    bad = {status: count for status, count in outcome.statuses.items() if status != "200"}
    if bad:
        raise BenchError(f"{name} answered {bad}")
    messages = max(1, outcome.answered)
    return Run(
        server=name,
        outcome=outcome,
        cpu={part: round(1e6 * used / messages, 1) for part, used in measured.cpu.items()},
        percent={part: round(100 * used / seconds, 1) for part, used in measured.cpu.items()},
    )


@contextlib.contextmanager
def _worker(stage: Stage) -> Iterator[Running]:
    with server("worker", stage.plan) as running:
        time.sleep(1)
        yield running


def _with_webhooks(
    stage: Stage, options: Options, port: int, pids: dict[str, int], say: Progress
) -> tuple[Run, Ingest]:
    """Send at the steady rate while Meta reports what became of other messages."""
    count = round(options.webhook_rate * (options.warm_seconds + options.steady_seconds))
    asyncio.run(worlds.add_sent_messages(stage.dsn, stage.world, "bench", count // 2 + 1))
    say(f"the same beside {options.webhook_rate:.0f} signed webhooks/s")
    world = stage.world
    webhooks = Order(
        host=HOST,
        port=port,
        what=Webhooks(
            world.callback_key,
            world.app_secret,
            world.waba_id,
            world.phone_number_id,
            worlds.wamid_head("bench"),
            FIRST_RECIPIENT,
            RECIPIENTS,
            count,
        ),
        connections=options.connections,
        warm_seconds=options.warm_seconds,
        seconds=options.steady_seconds,
        rate=options.webhook_rate,
    )
    order = sends(stage, options, "rasl", options.rate)
    measured = measure([order, webhooks], {**watched(stage, "rasl"), **pids})
    ended = time.monotonic()
    run_ = read(measured, "rasl", options.steady_seconds)
    left = _wait_for_ingest(stage.dsn)
    drained_after = time.monotonic() - ended
    row = asyncio.run(worlds.fetch_row(stage.dsn, _LAG, options.warm_seconds))
    ingest = Ingest(
        outcome=measured.outcomes[1],
        applied_per_second=round(float(row["per_second"]), 1),
        lag_p50=round(row["p50"], 3),
        lag_p99=round(row["p99"], 3),
        drained_after=round(drained_after, 2),
        left=left,
    )
    return run_, ingest


_LEFT = "select count(*) as number from ingests where applied_at is null"
# From the end of the warming up to the last delivery; applied_at is when its batch began.
_LAG = """
with taken as (
    select received_at, applied_at from ingests
    where received_at > (select min(received_at) from ingests) + make_interval(secs => $1)
)
select count(applied_at) / extract(epoch from max(applied_at) - min(received_at)) as per_second,
       percentile_cont(0.5) within group (order by extract(epoch from applied_at - received_at)::float8) as p50,
       percentile_cont(0.99) within group (order by extract(epoch from applied_at - received_at)::float8) as p99
from taken
"""


def _wait_for_ingest(dsn: str) -> int:
    deadline = time.monotonic() + _DRAIN_SECONDS
    while True:
        left: int = asyncio.run(worlds.fetch_row(dsn, _LEFT))["number"]
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.1)


def _statements(dsn: str) -> list[dict[str, Any]]:
    return [dict(row) for row in asyncio.run(worlds.fetch_rows(dsn, _BY_STATEMENT))]


_BY_STATEMENT = """
select round((total_exec_time + total_plan_time)::numeric)::float8 as milliseconds, calls, rows,
       round((total_plan_time / calls)::numeric, 4)::float8 as plan_ms_per_call,
       round((total_exec_time / calls)::numeric, 4)::float8 as execute_ms_per_call,
       round((wal_bytes / calls)::numeric)::float8 as wal_bytes_per_call,
       round((shared_blks_hit::numeric / calls), 1)::float8 as blocks_per_call,
       left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query
from pg_stat_statements where calls > 50 order by total_exec_time + total_plan_time desc limit 15
"""


def _machine() -> dict[str, Any]:
    model = "unknown"
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        model = next(
            (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), model
        )
    with contextlib.suppress(OSError):
        load = Path("/proc/loadavg").read_text(encoding="utf-8").split()[0]
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": model,
        "python": platform.python_version(),
        "system": platform.system(),
        "load_before": float(load),
        "sha256_ns": _speed(),
    }


def _speed() -> float:
    """Return nanoseconds for one short hash, the best of many: tells a slow machine from slow code."""
    token = b"rasl_" + b"x" * 54
    return round(min(timeit.repeat(lambda: hashlib.sha256(token).digest(), number=2000, repeat=40)) / 2e-6, 0)


def median(runs: list[Run], name: str, pick: Callable[[Run], float]) -> float:
    """Return the median of a figure over the runs of one server."""
    return statistics.median(pick(item) for item in runs if item.server == name)
