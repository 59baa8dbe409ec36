"""Millions of messages of one tenant, made by SQL."""

import time
from collections.abc import Callable

import asyncpg

from pgbox.cluster import SUPERUSER

_PIECE = 1_000_000

# Their search by words is not what is measured: without texts the index of those is not filled for minutes.
_MESSAGES = """
insert into messages (tenant_id, conversation_id, direction, type, status, peer, content, created_at)
select $1, 1 + n % 100000, case when n % 3 = 0 then 'inbound' else 'outbound' end, 'location',
       case when n % 3 = 0 then 'received' else 'read' end, (4915112000000 + n % 100000)::text,
       '{"latitude": 51.5, "longitude": -0.12}', now() - ($3::bigint - n) * interval '1 second'
from generate_series($2::bigint, $3::bigint) n
"""
# As whoever writes them does.
_COUNTERS = """
insert into tenant_counters (tenant_id, contacts)
select tenant_id, count(*) from contacts where tenant_id = $1 group by tenant_id
on conflict (tenant_id) do update set contacts = excluded.contacts
"""


async def add_messages(dsn: str, tenant_id: int, count: int, say: Callable[[str], None]) -> None:
    """Store so many messages of a tenant, and count its contacts."""
    db = await asyncpg.connect(dsn, user=SUPERUSER)
    began = time.monotonic()
    try:
        # Conversations are not needed, and not looked for.
        await db.execute("set session_replication_role = replica")
        for first in range(1, count + 1, _PIECE):
            await db.execute(_MESSAGES, tenant_id, first, min(count, first + _PIECE - 1), timeout=600)
        await db.execute(_COUNTERS, tenant_id)
        await db.execute("vacuum analyze messages", timeout=600)
        await db.execute("checkpoint", timeout=600)
    finally:
        await db.close()
    say(f"{count:,} messages: {time.monotonic() - began:.0f} s")
