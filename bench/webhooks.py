"""How fast one worker tells endpoints what happened, and what a dead one costs the others."""

import asyncio
import contextlib
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

import aiohttp
import msgspec

from bench.procs import ROOT, Cpu, free_port
from bench.receiver import Counts
from bench.world import SECRET_KEY, build_world
from pgbox import throwaway_postgres
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.domain.events import Event
from rasl.domain.webhook_signing import Secret
from rasl.sealing import Sealer
from rasl.services.ground import events
from rasl.services.webhooks.sealed import seal_secrets

Say = Callable[[str], None]
_PATIENCE = 240.0


class Report(msgspec.Struct):
    """What was measured."""

    per_second: float = 0.0
    worker_cpu_ms: float = 0.0
    per_second_beside_dead: float = 0.0
    steady_p50_ms: float = 0.0
    steady_p99_ms: float = 0.0
    recording_us: float = 0.0
    recording_unwanted_us: float = 0.0

    def lines(self) -> list[str]:
        """Return the figures beside what is expected of them."""
        return [
            f"deliveries a second, one worker, one endpoint: {self.per_second:,.0f} (goal 1,500)",
            f"CPU of the worker for each: {self.worker_cpu_ms:.2f} ms",
            f"the same beside what is pending for a dead endpoint: {self.per_second_beside_dead:,.0f}",
            f"cause to arrival at 500/s: p50 {self.steady_p50_ms:.0f} ms, p99 {self.steady_p99_ms:.0f} ms (goal 300)",
            f"recording an event: {self.recording_us:.0f} us wanted, {self.recording_unwanted_us:.0f} us by nobody",
        ]


def run(is_quick: bool, say: Say) -> Report:
    """Measure on a PostgreSQL of its own, without fsync."""
    with throwaway_postgres() as dsn:
        return asyncio.run(_measure(dsn, *((3_000, 10_000) if is_quick else (15_000, 100_000)), say))


async def _measure(dsn: str, count: int, pending: int, say: Say) -> Report:
    await migrate(dsn)
    world, port = await build_world(dsn), free_port()
    database, report = Database(dsn, 4), Report()
    await database.open()
    with _process("bench.receiver", str(port)):
        url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        await _happen(database, world.tenant_id, count)
        report.recording_unwanted_us = 1e6 * (time.monotonic() - began) / count
        await _subscribe(database, world.tenant_id, f"{url}/hook", "contact.*")
        began = time.monotonic()
        await _happen(database, world.tenant_id, count)
        report.recording_us = 1e6 * (time.monotonic() - began) / count
        with _worker(dsn) as worker:
            say(f"telling one endpoint of {count:,} events")
            usage = Cpu({"worker": worker.pid})
            usage.begin()
            report.per_second = await _drained(url, count)
            report.worker_cpu_ms = 1000 * usage.used()["worker"] / count
            say("telling of 500 events a second")
            seconds = await _steady(database, world.tenant_id, url, 500, count // 1500)
            report.steady_p50_ms = 1000 * statistics.median(seconds)
            report.steady_p99_ms = 1000 * statistics.quantiles(seconds, n=100)[-1]
        await _subscribe(database, world.tenant_id, f"{url}/dead", "group.*")
        say("letting many events wait for a dead endpoint")
        await _happen(database, world.tenant_id, pending, "group.updated")
        with _worker(dsn):
            await _until_fanned(database)
        await _happen(database, world.tenant_id, count)
        with _worker(dsn):
            say(f"telling the other one of {count:,} events")
            report.per_second_beside_dead = await _drained(url, count)
    await database.close()
    return report


async def _subscribe(database: Database, tenant_id: int, url: str, pattern: str) -> None:
    sealed = seal_secrets(Sealer(SECRET_KEY), [Secret.mint()])
    async with database.connection() as db:
        await db.execute(
            "insert into webhook_endpoints (tenant_id, url, events, format, secrets) values ($1, $2, $3, 'n8n', $4)",
            tenant_id,
            url,
            [pattern],
            sealed,
        )


async def _happen(
    database: Database, tenant_id: int, count: int, type_: str = "contact.updated", size: int = 200
) -> None:
    for start in range(0, count, size):
        told = [
            (
                tenant_id,
                Event(type=type_, id=number, attributes={"caused": time.monotonic(), "firstname": "Priya"}),
            )
            for number in range(start, min(count, start + size))
        ]
        async with database.transaction() as db:
            await events.record_many(db, told)


async def _steady(database: Database, tenant_id: int, url: str, rate: int, seconds: int) -> list[float]:
    """Let events happen one by one at a rate; return how long each was on its way."""
    before = await _counts(url)
    began = time.monotonic()
    for number in range(rate * seconds):
        await asyncio.sleep(max(0.0, began + number / rate - time.monotonic()))
        await _happen(database, tenant_id, 1)
    await _drained(url, rate * seconds, before.got)
    return (await _counts(url)).seconds[before.got :]


async def _drained(url: str, count: int, before: int | None = None) -> float:
    """Wait until so many more came; return how many a second from the first to the last."""
    began, start = time.monotonic(), (await _counts(url)).got if before is None else before
    first = time.monotonic()
    while (now := await _counts(url)).got < start + count:
        if now.got == start:
            first = time.monotonic()
        if time.monotonic() - began > _PATIENCE:
            raise TimeoutError(f"only {now.got - start:,} of {count:,} came")
        await asyncio.sleep(0.02)
    return count / (now.last - first)


async def _until_fanned(database: Database) -> None:
    async with asyncio.timeout(_PATIENCE), database.connection() as db:
        while await db.fetchval("select exists (select from jobs where kind = 'event')"):  # noqa: ASYNC110 - it is another process
            await asyncio.sleep(0.1)


async def _counts(url: str) -> Counts:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return msgspec.json.decode(await answer.read(), type=Counts)


@contextlib.contextmanager
def _worker(dsn: str) -> Iterator["subprocess.Popen[bytes]"]:
    with tempfile.TemporaryDirectory(prefix="rasl-bench-") as folder:
        env = {
            "RASL_DATABASE_URL": dsn,
            "RASL_SECRET_KEY": SECRET_KEY,
            "RASL_ALLOW_PRIVATE_URLS": "true",
            "RASL_DATA_DIR": folder,
            "RASL_LOG_LEVEL": "warning",
        }
        with _process("rasl", "worker", **env) as worker:
            yield worker


@contextlib.contextmanager
def _process(module: str, *arguments: str, **env: str) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(  # noqa: S603 - our own modules
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**os.environ, **env},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
