"""How long a purge takes on a million rows past their time beside as many that stay: `python -m bench.retention`."""

import asyncio
import statistics
import time
from pathlib import Path

import asyncpg

from pgbox import throwaway_postgres
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.media_store.folder import FolderStore
from rasl.services.operators.purging import PURGES, Ground
from rasl.settings import Settings

ROWS = 1_000_000
_FILL = f"""
set session_replication_role = replica;
insert into tenants (id, name, subdomain, plan) overriding system value
select i, 'T' || i, 't' || i, 'unlimited' from generate_series(1, 100) i;
insert into conversations (tenant_id, id, number_id, last_message_at) overriding system value
select 1 + i % 100, i, 1, now() - interval '100 days' * (i <= {ROWS} / 10)::integer
from generate_series(1, {ROWS} / 5) i;
insert into messages (tenant_id, id, conversation_id, direction, type, status, peer, wamid, text, created_at)
overriding system value
select 1 + c % 100, i, c, 'outbound', 'text', 'sent', '44', 'wamid.' || md5(i::text), null,
       now() - interval '100 days' * (i <= {ROWS})::integer + interval '1 second' * (i % {ROWS}) / 10
from (select i, 1 + (i - 1) / 10 as c from generate_series(1, 2 * {ROWS}) i) s;
insert into message_wamids (tenant_id, wamid, message_id) select tenant_id, wamid, id from messages;
insert into message_statuses (tenant_id, wamid, status, is_parked, occurred_at, received_at)
select tenant_id, wamid, 'sent', false, created_at, created_at from messages;
insert into message_attempts (tenant_id, message_id, attempt, outcome, started_at, finished_at, wamid)
select tenant_id, id, 1, 'accepted', created_at, created_at, wamid from messages;
insert into events (tenant_id, type, payload, created_at)
select tenant_id, 'otp.sent', '{{}}', created_at from messages;
insert into ingests (app_id, body, applied_at) select 1, convert_to(repeat('x', 400), 'UTF8'), created_at from messages;
analyze;
"""
_MEASURED = ("deliveries", "events", "statuses", "attempts", "messages")


async def main(dsn: str) -> None:
    """Fill, tell, drop, and print what each took."""
    await migrate(dsn)
    connection = await asyncpg.connect(dsn)
    await connection.execute(_FILL, timeout=900)
    await connection.close()
    database = Database(dsn, 4)
    await database.open()
    ground = Ground(database, FolderStore(Path("nowhere")))
    settings = Settings(message_days=50, status_days=50, attempt_days=50, event_days=50, retention_days=50)
    for purge in (item for item in PURGES if item.name in _MEASURED):
        age = purge.due_after(settings)
        assert age is not None
        began = time.perf_counter()
        told = await purge.count(ground, age)
        counting, batches, rows, has_more = time.perf_counter() - began, [], 0, True
        while has_more:
            began = time.perf_counter()
            batch = await purge.drop(ground, age)
            batches.append(1000 * (time.perf_counter() - began))
            rows, has_more = rows + batch.amount.rows, batch.has_more
        assert rows == told.rows
        print(
            f"{purge.name}: told {told.rows} in {counting:.1f} s; dropped in {sum(batches) / 1000:.1f} s, a batch"
            f" {statistics.median(batches):.0f} ms (p95 {statistics.quantiles(batches, n=20)[-1]:.0f},"
            f" most {max(batches):.0f})"
        )
    await database.close()


if __name__ == "__main__":
    with throwaway_postgres() as server:
        asyncio.run(main(server))
