"""One-time passwords beside a backlog: how long a code takes from accepted to WhatsApp while 50,000 messages wait."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import aiohttp
import msgspec

from bench import world as worlds
from bench.procs import BenchError, Postgres, control, free_port, server
from bench.servers import HOST, Plan
from bench.world import FIRST_RECIPIENT, World
from rasl.db import templates
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.domain.otp_budgets import BUDGET_NAMES
from rasl.domain.templates.listed import Listed

_BOUND = 1000.0
_PER_SECOND = 10
_THROUGHPUT = 80
_SETTLE_SECONDS = 30


class Report(msgspec.Struct, frozen=True):
    """Milliseconds from accepted to the call of Graph, of codes sent at once and of those left to the worker."""

    backlog: int
    count: int
    direct_p50: float
    direct_p95: float
    queued_p50: float
    queued_p95: float
    bulk_sent: int

    def lines(self) -> Iterator[str]:
        """Yield the figures beside what is expected of them."""
        yield f"\nOne-time passwords, {self.backlog:,} other messages of the same number waiting"
        for name, p50, p95 in (
            ("sent by the request", self.direct_p50, self.direct_p95),
            ("sent by the worker", self.queued_p50, self.queued_p95),
        ):
            verdict = "ok" if p95 < _BOUND else "MISSED"
            yield f"{name:<22} p50 {p50:>7.1f}  p95 {p95:>7.1f} ms  under {_BOUND:.0f}: {verdict}"
        yield f"{self.count} codes, {self.bulk_sent} other messages sent meanwhile"


def run(is_quick: bool, say: Callable[[str], None]) -> Report:
    """Fill the queue, send codes beside it, and leave nothing behind."""
    backlog, seconds = (5_000, 8) if is_quick else (50_000, 30)
    with contextlib.ExitStack() as stack:
        say("starting a durable PostgreSQL and the simulator")
        postgres = stack.enter_context(Postgres(has_statements=False))
        asyncio.run(migrate(postgres.dsn))
        world = asyncio.run(worlds.build_world(postgres.dsn))
        asyncio.run(_prepare(postgres.dsn, world, backlog))
        ports = {name: free_port() for name in ("simulator", "rasl")}
        plan = Plan(ports["rasl"], postgres.dsn, f"http://{HOST}:{ports['simulator']}", world)
        stack.enter_context(server("simulator", msgspec.structs.replace(plan, port=ports["simulator"])))
        number = {
            "phone_number_id": world.phone_number_id,
            "waba_id": world.waba_id,
            "tokens": [world.access_token],
            "app_secret": world.app_secret,
            "throughput": 100_000,
        }
        control(ports["simulator"], "numbers", number)
        # The worker reads the account's templates from there and drops what it does not find.
        kept = {
            name: getattr(_TEMPLATE, name)
            for name in ("name", "language", "status", "category", "components")
        }
        control(ports["simulator"], "templates", {"waba_id": world.waba_id, "templates": [kept]})
        control(ports["simulator"], "settings", {"latency_median": 0.1, "latency_sigma": 0.35})
        stack.enter_context(server("rasl", plan))
        stack.enter_context(server("worker", msgspec.structs.replace(plan, port=0)))
        asyncio.run(_wait_for_the_worker(postgres.dsn))
        say(f"sending {_PER_SECOND} codes a second beside {backlog:,} waiting messages")
        asyncio.run(_send_codes(ports["rasl"], world, seconds))
        return asyncio.run(_read(postgres.dsn, backlog))


async def _prepare(dsn: str, world: World, backlog: int) -> None:
    database = Database(dsn, 2)
    await database.open()
    try:
        async with database.transaction() as db:
            await db.execute("update whatsapp_numbers set messages_per_second = $1", _THROUGHPUT)
            await db.execute("update tenants set otp_budgets = $1", dict.fromkeys(BUDGET_NAMES, 0))
            account = templates.Account(world.tenant_id, world.waba_id)
            await templates.lock_accounts(db, [account])
            await templates.keep(db, account, [_TEMPLATE], await templates.now(db))
            await db.execute(_BACKLOG, world.tenant_id, world.number_id, backlog, timeout=240)
    finally:
        await database.close()


_TEMPLATE = Listed(
    template_id="1",
    name="login",
    language="en",
    status="APPROVED",
    category="AUTHENTICATION",
    sub_category=None,
    previous_category=None,
    correct_category=None,
    components=[{"type": "BODY", "text": "*{{1}}* is your verification code."}],
    parameter_format="POSITIONAL",
    quality=None,
    rejected_reason=None,
    message_send_ttl_seconds=None,
)
_BACKLOG = """
with item as materialized (
    select nextval(pg_get_serial_sequence('messages', 'id')) as id, v.id as conversation_id, n
    from generate_series(0, $3::bigint - 1) as n
    join (select id, row_number() over (order by id) - 1 as place from conversations where tenant_id = $1) v
        on v.place = n % (select count(*) from conversations where tenant_id = $1)
), message as (
    insert into messages (tenant_id, id, conversation_id, direction, type, status, peer, text)
    overriding system value
    select $1, id, conversation_id, 'outbound', 'text', 'queued', '4915112000000', 'Your parcel is on its way.'
    from item
)
insert into jobs (tenant_id, kind, subject_id, queue_id, lane, due_at, is_leased)
select $1, 'send', id, $2, 1, now() - interval '1 hour', false from item
"""


async def _wait_for_the_worker(dsn: str) -> None:
    """Wait until the worker works on the backlog: its start is not what is measured."""
    for _ in range(_SETTLE_SECONDS * 10):
        row = await worlds.fetch_row(dsn, "select count(*) as count from messages where status = 'sent'")
        if row["count"]:
            return
        await asyncio.sleep(0.1)
    raise BenchError("the worker sends nothing")


async def _send_codes(port: int, world: World, seconds: int) -> None:
    """Send codes at an even rate, every other one left to the worker, and wait until all are sent."""
    headers = {"authorization": f"Bearer {world.token}"}
    async with aiohttp.ClientSession(f"http://{HOST}:{port}", headers=headers) as session:
        tasks = []
        for number in range(_PER_SECOND * seconds):
            tasks.append(asyncio.create_task(_send_code(session, number)))
            await asyncio.sleep(1 / _PER_SECOND)
        statuses = await asyncio.gather(*tasks)
    if set(statuses) - {200, 202}:
        raise BenchError(f"codes were refused: {sorted(set(statuses))}")


async def _send_code(session: aiohttp.ClientSession, number: int) -> int:
    body: dict[str, Any] = {
        "phone": f"+{FIRST_RECIPIENT + number}",
        "template_name": "login",
        "auto_generate": True,
    }
    headers = {"prefer": "respond-async"} if number % 2 else {}
    async with session.post("/api/v2/auth/send-otp", json=body, headers=headers) as answer:
        await answer.read()
        return answer.status


async def _read(dsn: str, backlog: int) -> Report:
    for _ in range(_SETTLE_SECONDS):
        waiting = await worlds.fetch_row(dsn, "select count(*) as count from jobs where lane = 0")
        if not waiting["count"]:
            break
        await asyncio.sleep(1)
    row = await worlds.fetch_row(dsn, _FIGURES)
    return Report(backlog, *row.values())


# The order of ids is that of sending: every other code was left to the worker.
_FIGURES = """
with code as (
    select extract(epoch from a.started_at - m.created_at)::float8 * 1000 as ms,
           (regexp_replace(m.peer, '\\D', '', 'g')::bigint % 2) = 1 as is_queued
    from otps o join messages m on m.tenant_id = o.tenant_id and m.id = o.message_id
    join message_attempts a on a.tenant_id = m.tenant_id and a.message_id = m.id and a.attempt = 1
)
select count(*),
       percentile_cont(0.5) within group (order by ms) filter (where not is_queued),
       percentile_cont(0.95) within group (order by ms) filter (where not is_queued),
       percentile_cont(0.5) within group (order by ms) filter (where is_queued),
       percentile_cont(0.95) within group (order by ms) filter (where is_queued),
       (select count(*) from messages where type = 'text' and status <> 'queued')
from code
"""
