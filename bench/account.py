"""What plans and accounts cost: a send whose limits are checked, the account's routes beside many rows, a backup."""

import asyncio
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import world as worlds
from bench.account_rows import add_messages
from bench.contact_results import Figure, Result, Timed, timed
from bench.contact_rows import load
from bench.contact_stage import Client, create_token, stage
from bench.procs import Postgres, measure
from bench.send import Options, Progress, Run, Stage, median, read, sends, set_up, watched
from rasl.db.schema import migrate

_ROUTES = ("/api/v2/account", "/api/v2/account/usage", "/api/v2/account/limits")
_GIGABYTE = 1_000_000_000
# Everything that a send is checked against, and nothing that it meets.
_PLAN = """
insert into plans (name, title, max_contacts, max_conversations, max_api_calls_per_minute)
values ('limited', 'Limited', 100000000, 100000000, 100000000)
"""
# Each send begins a conversation of the month, so that each is counted.
_UNCOUNTED = "update conversations set counted_until = null"


def run(is_quick: bool, say: Progress) -> list[Result]:
    """Measure all of it, and leave nothing behind."""
    return [*_limits(is_quick, say), *_beside_many_rows(is_quick, say)]


def _limits(is_quick: bool, say: Progress) -> Iterator[Result]:
    """Send in turn without limits and with all of them, each send counted."""
    options = Options(seconds=3, rounds=2) if is_quick else Options(rounds=6)
    runs = []
    with contextlib.ExitStack() as stack:
        running = set_up(stack, options)
        asyncio.run(worlds.execute(running.dsn, _PLAN))
        for number in range(options.rounds):
            for plan in ("unlimited", "limited") if number % 2 else ("limited", "unlimited"):
                runs.append(_round(running, options, plan, number))
                say(f"round {number + 1}/{options.rounds} {plan}: {runs[-1].outcome.per_second:.0f} msg/s")
    for name, pick in _COSTS.items():
        free, checked = (median(runs, plan, pick) for plan in ("unlimited", "limited"))
        yield Figure(f"checking limits: {name} more", 100 * (checked / free - 1), "%", 3)


_COSTS: dict[str, Callable[[Run], float]] = {
    "CPU of the app": lambda item: item.cpu["app"],
    "CPU of PostgreSQL": lambda item: item.cpu["postgres"],
    "time a message": lambda item: 1 / item.outcome.per_second,
}


def _round(running: Stage, options: Options, plan: str, number: int) -> Run:
    asyncio.run(worlds.execute(running.dsn, f"update tenants set plan = '{plan}'"))
    asyncio.run(worlds.execute(running.dsn, _UNCOUNTED))
    asyncio.run(worlds.execute(running.dsn, "vacuum analyze conversations"))
    order = sends(running, options, "rasl", None, offset=number * 4001)
    return read(measure([order], watched(running, "rasl")), plan, options.seconds)


def _beside_many_rows(is_quick: bool, say: Progress) -> Iterator[Result]:
    people, messages = (100_000, 1_000_000) if is_quick else (1_000_000, 10_000_000)
    with Postgres(has_statements=False) as postgres:
        asyncio.run(migrate(postgres.dsn))
        contacts = asyncio.run(load(postgres.dsn, people, say))
        asyncio.run(add_messages(postgres.dsn, contacts.tenant_id, messages, say))
        token = asyncio.run(create_token(postgres.dsn, contacts.tenant_id))
        with stage(postgres.dsn, contacts, token) as server:
            for route in _ROUTES:
                yield _timed_route(server.client, route, 1_000)
            yield from _backup(postgres.dsn, server.client, say)


def _timed_route(client: Client, route: str, count: int) -> Timed:
    _ask(client, route, 20)
    return timed(f"GET {route}", 15, _ask(client, route, count))


def _ask(client: Client, route: str, count: int) -> list[tuple[float, str]]:
    measured = []
    for _ in range(count):
        began = time.perf_counter()
        client.get(route)
        measured.append((1000 * (time.perf_counter() - began), route))
    return measured


def _backup(dsn: str, client: Client, say: Progress) -> Iterator[Result]:
    """Back up while contacts are read, one request after the other."""
    route = "/api/v2/contacts?per_page=25"
    alone = _timed_route(client, route, 500)
    with tempfile.TemporaryDirectory(prefix="rasl-bench-") as folder:
        archive = Path(folder) / "all.tar"
        settings = {"RASL_DATABASE_URL": dsn, "RASL_DATA_DIR": folder, "RASL_SECRET_KEY": worlds.SECRET_KEY}
        began, beside = time.perf_counter(), []
        with subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "rasl", "backup", str(archive), "--json"],
            env=os.environ | settings,
            stdout=subprocess.PIPE,
        ) as command:
            while command.poll() is None:
                beside += _ask(client, route, 1)
            seconds = time.perf_counter() - began
            told = command.communicate()[0].decode()
        size = asyncio.run(worlds.fetch_row(dsn, _SIZE))["bytes"]
        say(
            f"backup of {size / _GIGABYTE:.2f} GB in {seconds:.0f} s, exit {command.returncode}: {told[:300]}"
        )
    yield Figure("a backup, seconds a gigabyte of tables", seconds * _GIGABYTE / size, "s", 60)
    yield timed("GET contacts beside a backup", 2 * alone.p99, beside)


_SIZE = """
select sum(pg_table_size(oid))::bigint as bytes from pg_class
where relkind = 'r' and relnamespace = 'public'::regnamespace
"""
