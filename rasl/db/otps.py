"""Queries on one-time passwords; whether a code is right is decided and counted by one statement."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.db.rows import Key


class Stored(msgspec.Struct, frozen=True):
    """A password about to be stored with its message."""

    tenant_id: int
    id: str  # a UUID
    phone: str
    purpose: str
    code_hash: bytes
    message_id: int
    template_name: str
    language: str
    country: str
    prefix: str
    max_attempts: int
    valid_for: dt.timedelta
    is_active: bool  # False: another one for the same purpose comes right behind it


async def insert(db: Db, items: Sequence[Stored]) -> None:
    """Store passwords; those that were active for the same phone and purpose are so no longer."""
    await db.execute(
        f"""
        update otps o set invalidated_at = now()
        from {rows.table(Stored, alias="k")}
        cross join lateral (
            select a.id from otps a
            where a.tenant_id = k.tenant_id and a.phone = k.phone and a.purpose = k.purpose
              and a.verified_at is null and a.invalidated_at is null
            limit 1
        ) a
        where o.tenant_id = k.tenant_id and o.id = a.id and coalesce(o.verified_at, o.invalidated_at) is null
        """,
        items,
    )
    await db.execute(
        f"""
        insert into otps (tenant_id, id, phone, purpose, code_hash, message_id, template_name, language, country,
                          prefix, max_attempts, expires_at, invalidated_at)
        select tenant_id, id::uuid, phone, purpose, code_hash, message_id, template_name, language, country,
               prefix, max_attempts, now() + valid_for, case when is_active then null else now() end
        from {rows.table(Stored)}
        """,
        items,
    )


async def find_active(db: Db, tenant_id: int, phone: str, purpose: str) -> Row | None:
    """Return the password for which codes are accepted, expired or not, with the message that carried it."""
    return await db.fetchrow(
        """
        select o.*, o.expires_at <= now() as is_expired,
               floor(extract(epoch from o.expires_at - now()))::integer as expires_in_seconds,
               m.wamid, m.status as message_status, m.sent_at as message_sent_at, m.delivered_at, m.read_at,
               m.failed_at, m.error_code, m.status_message
        from otps o left join messages m on m.tenant_id = o.tenant_id and m.id = o.message_id
        where o.tenant_id = $1 and o.phone = $2 and o.purpose = $3
          and o.verified_at is null and o.invalidated_at is null
        """,
        tenant_id,
        phone,
        purpose,
    )


async def take_attempt(db: Db, tenant_id: int, otp_id: str, *, is_right: bool) -> Row | None:
    """Let one code count: verify, or take one of the attempts; None when no code counts any more.

    However many come at once, each waits for the one before and looks again at what that one left.
    """
    # Said with coalesce, the index of active passwords is of no use here: it would be walked for the id.
    counted = "verified_at = now()" if is_right else "attempts = attempts + 1"
    return await db.fetchrow(
        f"""
        update otps set {counted}
        where tenant_id = $1 and id = $2 and coalesce(verified_at, invalidated_at) is null
          and attempts < max_attempts and expires_at > now()
        returning attempts, max_attempts, verified_at
        """,
        tenant_id,
        otp_id,
    )


async def list_by_messages(db: Db, keys: Sequence[tuple[int, int]]) -> list[Row]:
    """Return the passwords that messages, given as (tenant_id, message_id), carry, with their messages."""
    return await db.fetch(
        f"""
        select o.tenant_id, o.id, o.phone, o.purpose, o.template_name, o.language, o.expires_at, o.message_id, m.wamid,
               m.status, m.error_code, m.status_message, m.sent_at, m.delivered_at
        from {rows.table(Key, alias="k")}
        join otps o on o.tenant_id = k.tenant_id and o.message_id = k.id
        join messages m on m.tenant_id = o.tenant_id and m.id = o.message_id
        """,
        [Key(*key) for key in keys],
    )


async def sweep(db: Db, limit: int) -> int:
    """Erase sealed codes whose time is over from messages that never came to an end; returns how many it looked at."""
    count: int = await db.fetchval(
        """
        with over as (
            select tenant_id, id from otps where swept_at is null and expires_at < now()
            order by expires_at limit $1 for update skip locked
        ), swept as (
            update otps o set swept_at = now() from over where o.tenant_id = over.tenant_id and o.id = over.id
            returning o.tenant_id, o.message_id
        ), erased as (
            update messages m set content = m.content - 'sealed_code' from swept s
            where m.tenant_id = s.tenant_id and m.id = s.message_id and m.content ? 'sealed_code'
        )
        select count(*) from swept
        """,
        limit,
    )
    return count
