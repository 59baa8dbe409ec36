"""Queries on codes that users send to us."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row


class Answer(msgspec.Struct, frozen=True):
    """Somebody's message that holds what can be a code."""

    tenant_id: int
    number_id: int
    code_hash: bytes
    phone: str  # match key of the sender
    message_id: int
    contact_id: int


async def insert(
    db: Db,
    tenant_id: int,
    challenge_id: str,
    number_id: int,
    purpose: str,
    code_hash: bytes,
    phone: str | None,
    valid_for: dt.timedelta,
) -> dt.datetime:
    """Store a challenge; returns when it expires."""
    moment: dt.datetime = await db.fetchval(
        """
        insert into challenges (tenant_id, id, number_id, purpose, code_hash, phone, expires_at)
        values ($1, $2, $3, $4, $5, $6, now() + $7::interval)
        returning expires_at
        """,
        tenant_id,
        challenge_id,
        number_id,
        purpose,
        code_hash,
        phone,
        valid_for,
    )
    return moment


async def find(db: Db, tenant_id: int, challenge_id: str) -> Row | None:
    """Return a challenge of the tenant."""
    return await db.fetchrow(
        "select *, expires_at <= now() as is_expired from challenges where tenant_id = $1 and id = $2",
        tenant_id,
        challenge_id,
    )


async def answer(db: Db, answers: Sequence[Answer]) -> list[Row]:
    """Verify open challenges whose code the right person sent to the right number; each once, by the first answer."""
    first = {(item.tenant_id, item.code_hash, item.phone, item.number_id): item for item in reversed(answers)}
    items = sorted(first.values(), key=lambda item: (item.tenant_id, item.code_hash, item.message_id))
    return await db.fetch(
        f"""
        with open as (
            select c.tenant_id, c.id, c.code_hash, c.phone, c.number_id
            from challenges c
            where (c.tenant_id, c.code_hash) in (select a.tenant_id, a.code_hash from {rows.table(Answer, alias="a")})
              and c.verified_at is null and c.expires_at > now()
            order by c.tenant_id, c.code_hash for update
        ), chosen as (
            select distinct on (o.tenant_id, o.id) o.tenant_id, o.id, a.phone, a.message_id, a.contact_id
            from open o
            join {rows.table(Answer, alias="a")}
              on a.tenant_id = o.tenant_id and a.code_hash = o.code_hash and a.number_id = o.number_id
                 and (o.phone is null or o.phone = a.phone)
            order by o.tenant_id, o.id, a.message_id
        )
        update challenges c set verified_at = now(), verified_phone = n.phone, message_id = n.message_id,
            contact_id = n.contact_id
        from chosen n where c.tenant_id = n.tenant_id and c.id = n.id and c.verified_at is null
        returning c.tenant_id, c.id, c.purpose, c.verified_phone, c.message_id, c.contact_id, c.verified_at
        """,
        items,
    )
