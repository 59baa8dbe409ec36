"""Idempotency keys: who may run a request, and the answer everybody else gets."""

import datetime as dt
from collections.abc import Sequence

from rasl.db.pool import Db, Row


async def claim_key(db: Db, tenant_id: int, key: str, fingerprint: bytes, lease: dt.timedelta) -> Row:
    """Take the key if it is new or its holder stopped answering; returns the row with `is_mine`.

    A key older than 24 hours is new again.
    """
    row = await db.fetchrow(
        """
        insert into idempotency_keys as k (tenant_id, key, fingerprint, locked_until)
        values ($1, $2, $3, now() + $4::interval)
        on conflict (tenant_id, key) do update set
            fingerprint = excluded.fingerprint, fence = k.fence + 1, locked_until = excluded.locked_until,
            message_id = case when k.created_at < now() - interval '24 hours' then null else k.message_id end,
            status = null, body = null,
            created_at = case when k.created_at < now() - interval '24 hours' then now() else k.created_at end
        where k.created_at < now() - interval '24 hours'
           or (k.status is null and k.locked_until < now() and k.fingerprint = excluded.fingerprint)
        returning true as is_mine, fence, message_id, status, body, fingerprint
        """,
        tenant_id,
        key,
        fingerprint,
        lease,
    )
    if row is None:
        row = await db.fetchrow(
            """
            select false as is_mine, fence, message_id, status, body, fingerprint
            from idempotency_keys where tenant_id = $1 and key = $2
            """,
            tenant_id,
            key,
        )
    # Released between the two statements: the next try finds it free.
    return row if row is not None else await claim_key(db, tenant_id, key, fingerprint, lease)


async def hold_keys(db: Db, holdings: Sequence[tuple[int, str, int]]) -> list[bool]:
    """Lock keys, given as (tenant_id, key, fence), until the transaction ends; tells which are still the caller's."""
    rows = await db.fetch(
        """
        select h.ord, k.key is not null as is_mine
        from unnest($1::bigint[], $2::text[], $3::integer[]) with ordinality as h (tenant_id, key, fence, ord)
        left join lateral (
            select k.key from idempotency_keys k
            where k.tenant_id = h.tenant_id and k.key = h.key and k.fence = h.fence and k.message_id is null
            for update
        ) k on true
        order by h.ord
        """,
        [item[0] for item in holdings],
        [item[1] for item in holdings],
        [item[2] for item in holdings],
    )
    return [row["is_mine"] for row in rows]


async def bind_keys(db: Db, bindings: Sequence[tuple[int, str, int]]) -> None:
    """Tie keys to the message that was stored for them: (tenant_id, key, message_id)."""
    await db.execute(
        """
        update idempotency_keys k set message_id = b.message_id
        from unnest($1::bigint[], $2::text[], $3::bigint[]) as b (tenant_id, key, message_id)
        where k.tenant_id = b.tenant_id and k.key = b.key
        """,
        [item[0] for item in bindings],
        [item[1] for item in bindings],
        [item[2] for item in bindings],
    )


async def keep_answer(db: Db, tenant_id: int, key: str, fence: int, status: int, body: bytes) -> None:
    """Store the first answer, unless somebody else took the key over."""
    await db.execute(
        "update idempotency_keys set status = $4, body = $5 where tenant_id = $1 and key = $2 and fence = $3",
        tenant_id,
        key,
        fence,
        status,
        body,
    )


async def drop_key(db: Db, tenant_id: int, key: str, fence: int) -> None:
    """Free a key under which nothing was stored, so that the corrected request may use it."""
    await db.execute(
        "delete from idempotency_keys where tenant_id = $1 and key = $2 and fence = $3 and message_id is null",
        tenant_id,
        key,
        fence,
    )
