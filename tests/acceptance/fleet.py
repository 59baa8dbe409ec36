"""Real processes of RASL on one database and one simulated Meta; none of them outlives its test."""

import asyncio
import contextlib
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import asyncpg

from tests.acceptance.checker import Stored, Taken, Verdict, check
from tests.acceptance.load import History, Load
from tests.acceptance.processes import ROOT, Process, Server, Worker
from tests.ports import free_port
from tests.waiting import until

SECRET_KEY = "an acceptance test's secret key, long enough to be taken seriously"
DRAIN_SECONDS = 45.0


@dataclasses.dataclass(frozen=True)
class Tenant:
    """A tenant as the commands made it."""

    subdomain: str
    phone_number_id: str
    waba_id: str
    access_token: str
    app_secret: str
    verify_token: str
    token: str
    callback_path: str


def environment(**settings: str) -> dict[str, str]:
    """Return the environment of a process of ours: nothing of RASL but these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RASL_")}
    ours = {"PYTHONUNBUFFERED": "1", "RASL_LOG_FORMAT": "json", "RASL_DRAIN_SECONDS": "0"}
    return {**kept, **ours, **settings}


def command(env: Mapping[str, str], *arguments: str) -> dict[str, Any]:
    """Run one command with --json to its end and return what it printed."""
    done = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-m", "rasl", *arguments, "--json"],
        cwd=ROOT,
        env=dict(env),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"rasl {' '.join(arguments[:2])}: {done.stdout!r} {done.stderr!r}"
    value: dict[str, Any] = json.loads(done.stdout)
    return value


def create_tenant(env: Mapping[str, str], subdomain: str, prefix: str, messages_per_second: int) -> Tenant:
    """Create a connected tenant by commands, as an operator would."""
    command(env, "tenant", "create", subdomain.title(), "--subdomain", subdomain)
    granted = ("--name", "load", "--scopes", "all", "--rate-limit", "1000000")
    token = command(env, "token", "create", "--tenant", subdomain, *granted)["token"]
    values = {
        "waba-id": f"{prefix}02290129340398",
        "phone-number-id": f"{prefix}06540352242922",
        "access-token": f"EAA{subdomain}0123456789abcdefghij",
        "app-secret": f"{subdomain}-app-secret",
        "verify-token": f"{subdomain}-verify",
        "messages-per-second": str(messages_per_second),
    }
    options = [part for name, value in values.items() for part in (f"--{name}", value)]
    connected = command(env, "whatsapp", "connect", "--no-check", "--tenant", subdomain, *options)
    return Tenant(
        subdomain=subdomain,
        phone_number_id=values["phone-number-id"],
        waba_id=values["waba-id"],
        access_token=values["access-token"],
        app_secret=values["app-secret"],
        verify_token=values["verify-token"],
        token=token,
        callback_path=urlsplit(connected["callback_url"]).path,
    )


class Fleet:
    """Servers and workers of one test, with Meta and the database they share."""

    def __init__(
        self,
        dsn: str,
        simulator_url: str,
        settings: Mapping[str, str],
        session: aiohttp.ClientSession,
        folder: Path,
    ) -> None:
        self.dsn = dsn
        self.simulator_url = simulator_url
        self.session = session
        self.env = environment(
            RASL_GRAPH_BASE_URL=simulator_url,
            RASL_LEASE_SECONDS="2",
            RASL_GRAPH_TIMEOUT_SECONDS="5",
            **{"RASL_DATA_DIR": str(folder / "data"), **settings},
        )
        self.history = History(folder / "history.jsonl")
        self.disregarded: list[str] = []  # subdomains whose messages no verdict is about
        self.folder = folder
        self._processes: list[Process] = []

    def load(self, tenant: Tenant) -> Load:
        """Return a client of this tenant; everything goes into one history."""
        return Load(self.session, self.history, tenant.token, tenant.subdomain)

    async def command(self, *arguments: str) -> dict[str, Any]:
        """Run a command while everything else goes on."""
        return await asyncio.to_thread(command, self.env, *arguments)

    async def serve(self, workers: int = 1, **settings: str) -> Server:
        """Start a server."""
        output = self.folder / f"server-{len(self._processes)}.log"
        server = Server(free_port(), workers, {**self.env, **settings}, output)
        self._processes.append(server)
        await server.start(self.session)
        return server

    async def work(self) -> Worker:
        """Start a worker."""
        worker = Worker(("worker",), self.env, self.folder / f"worker-{len(self._processes)}.log")
        self._processes.append(worker)
        await worker.start()
        return worker

    async def control(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Call the simulator's control API."""
        async with self.session.request(method, f"{self.simulator_url}/_control/{path}", json=body) as answer:
            value: dict[str, Any] = await answer.json()
            assert answer.status == 200, value
            return value

    async def connect(self, tenant: Tenant, server: Server | None = None) -> None:
        """Make the tenant's number known to Meta, and the server's door its callback."""
        await self.control(
            "POST",
            "numbers",
            {
                "phone_number_id": tenant.phone_number_id,
                "waba_id": tenant.waba_id,
                "tokens": [tenant.access_token],
                "app_secret": tenant.app_secret,
                "throughput": 1000,
                "window": "off",
            },
        )
        if server is not None:
            await self.control(
                "POST",
                "callback",
                {
                    "waba_id": tenant.waba_id,
                    "callback_url": server.url + tenant.callback_path,
                    "verify_token": tenant.verify_token,
                    "app_secret": tenant.app_secret,
                },
            )

    async def accepted(self) -> int:
        """Return how many sends Meta accepted so far."""
        return int((await self.control("GET", "requests/summary?limit=1"))["accepted"])

    async def until_accepted(self, more: int) -> None:
        """Wait until Meta accepted so many more."""
        goal = await self.accepted() + more

        async def is_reached() -> bool:
            return await self.accepted() >= goal

        await until(is_reached, 30, self.logs)

    async def verdict(self) -> Verdict:
        """Compare history, Meta's record and the database as they are now."""
        record = await self.control("GET", "requests?method=POST&accepted=true&limit=0")
        taken = [
            Taken(entry["body"]["text"]["body"], entry["biz_opaque_callback_data"], entry["wamid"])
            for entry in record["data"]
            if entry["type"] == "text"
            and not entry["body"]["text"]["body"].startswith(tuple(self.disregarded))
        ]
        rows = await self.fetch(
            """
            select m.id, m.text, m.status, m.wamid, m.is_ambiguous from messages m join tenants t on t.id = m.tenant_id
            where m.direction = 'outbound' and t.subdomain <> all ($1)
            """,
            self.disregarded,
        )
        stored = [
            Stored(row["id"], row["text"], row["status"], row["wamid"], row["is_ambiguous"]) for row in rows
        ]
        return check(self.history.events, taken, stored)

    async def settle(self) -> Verdict:
        """Wait until nothing is on its way any more, at most so long, and judge."""
        verdict = Verdict()

        async def is_settled() -> bool:
            nonlocal verdict
            verdict = await self.verdict()
            jobs = await self.fetch(
                """
                select 1 from jobs j join tenants t on t.id = j.tenant_id
                where j.kind = 'send' and t.subdomain <> all ($1) limit 1
                """,
                self.disregarded,
            )
            meta = await self.control("GET", "health")
            return verdict.is_green and not jobs and bool(meta["idle"])

        with contextlib.suppress(TimeoutError):
            await until(is_settled, DRAIN_SECONDS, pause=0.2)
        # Pytest shows it when the test fails, and with -rP always.
        sys.stderr.write(f"{verdict}\n")
        if not verdict.is_green:
            sys.stderr.write(await self.traces([*verdict.unsettled, *verdict.unexpected][:5]))
            sys.stderr.write(self.logs())
        return verdict

    async def traces(self, bodies: list[str]) -> str:
        """Return everything the database knows about messages, to find out what happened to them."""
        rows = await self.fetch(
            """
            select to_jsonb(m) as message,
                   (select jsonb_agg(j) from jobs j where j.subject_id = m.id) as jobs,
                   (select jsonb_agg(a) from message_attempts a where a.message_id = m.id) as attempts,
                   (select jsonb_agg(s) from message_statuses s join message_wamids w using (tenant_id, wamid)
                    where w.message_id = m.id) as statuses,
                   (select count(*) from ingests where applied_at is null) as unapplied,
                   (select count(*) from message_statuses where is_parked) as parked
            from messages m where text = any($1)
            """,
            bodies,
        )
        return "".join(f"{dict(row)}\n" for row in rows)

    async def fetch(self, query: str, *values: Any) -> list[Any]:
        """Ask the database."""
        connection = await asyncpg.connect(self.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    async def listed_ids(self, server: Server, tenant: Tenant) -> set[int]:
        """Return the ids of every outbound message the API lists."""
        ids: set[int] = set()
        headers, page, last = {"authorization": f"Bearer {tenant.token}"}, 0, 1
        while page < last:
            page += 1
            url = f"{server.url}/api/v2/messages?per_page=100&sort=id&page={page}"
            async with self.session.get(url, headers=headers) as answer:
                value = await answer.json()
            assert answer.status == 200, value
            ids |= {item["id"] for item in value["data"] if item["direction"] == "outbound"}
            last = value["meta"]["pagination"]["last_page"]
        return ids

    def logs(self) -> str:
        """Return the ends of all logs."""
        return "\n".join(
            f"--- {path.name}\n{path.read_text(encoding='utf-8', errors='replace')[-2000:]}"
            for path in sorted(self.folder.glob("*.log"))
        )

    def close(self) -> None:
        """Kill what still runs."""
        for process in self._processes:
            process.kill()
        self.history.close()


@contextlib.asynccontextmanager
async def fleet_of(
    dsn: str, simulator_url: str, settings: Mapping[str, str], folder: Path
) -> AsyncIterator[Fleet]:
    """Have a fleet inside the block, empty at first."""
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:
        fleet = Fleet(dsn, simulator_url, settings, session, folder)
        try:
            yield fleet
        finally:
            fleet.close()
