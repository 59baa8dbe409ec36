"""Queries that drop old messages with all that hangs on them, in one transaction a batch.

Nothing waits for a lock here: messages and conversations that somebody holds are stepped over.
"""

import datetime as dt
from collections.abc import Sequence

from rasl.db import rows
from rasl.db.messages import Wamid
from rasl.db.pool import Db, Row
from rasl.db.purging import Amount, amount, own_age, tallied, tell
from rasl.db.rows import Key
from rasl.domain.tenant_settings import LEAST_MESSAGE_DAYS

SHORTEST = dt.timedelta(days=LEAST_MESSAGE_DAYS)  # that any tenant can choose
# Not: what is not settled, or has a job (`offset 0`: looked up message by message).
SETTLED = """m.status not in ('queued', 'sending', 'unknown')
      and not exists (
          select from jobs j where j.tenant_id = m.tenant_id and j.kind = 'send' and j.subject_id = m.id offset 0)
      and not exists (
          select from jobs j where j.tenant_id = m.tenant_id and j.kind = 'media' and j.subject_id = m.id offset 0)"""
# Oldest first, tenant by tenant.
_OLD = f"""
from tenants o cross join lateral (
    select {{columns}} from messages m
    where m.tenant_id = o.id and m.created_at < now() - {{age}}
      and {SETTLED}
"""
# The age is the server's, or the one that each tenant chose: a shorter one, which counts for its messages alone.
_AGES = {False: "$1::interval", True: f"least($1::interval, {own_age('messages')})"}
_WHOSE = {False: "", True: "where o.retention_days ? 'messages'"}
_KEYS = rows.table(Key, alias="k")


async def count(db: Db, age: dt.timedelta, *, is_chosen: bool = False) -> Amount:
    """Return how many messages would go, and their own bytes; `is_chosen` is that tenants chose a shorter time."""
    old = _OLD.format(columns="octet_length(m::text) as size", age=_AGES[is_chosen])
    return await amount(
        db,
        f"select count(*) as rows, coalesce(sum(m.size), 0)::bigint as bytes {old}) m {_WHOSE[is_chosen]}",
        age,
    )


async def drop(db: Db, age: dt.timedelta, limit: int, *, is_chosen: bool = False) -> Amount:
    """Drop up to `limit` messages with their wamids, attempts, reports, uses of files and empty conversations."""
    columns = "m.tenant_id, m.id, m.conversation_id, m.wamid, octet_length(m::text) as size"
    old = _OLD.format(columns=columns, age=_AGES[is_chosen])
    old_messages = await db.fetch(
        f"""
        select m.* {old} order by m.created_at, m.id limit $2 for update of m skip locked) m
        {_WHOSE[is_chosen]} limit $2
        """,
        age,
        limit,
    )
    keys = _keys(old_messages, "id")
    if not keys:
        return await tell(db, "messages", ())
    own = {(row["tenant_id"], row["wamid"]) for row in old_messages if row["wamid"] is not None}
    await _drop_reports(db, [Wamid(*wamid) for wamid in sorted(own | await _drop_attempts(db, keys))])
    await drop_uses(db, keys)
    await db.execute(
        f"delete from messages m using {_KEYS} where m.tenant_id = k.tenant_id and m.id = k.id", keys
    )
    await _drop_conversations(db, _keys(old_messages, "conversation_id"), SHORTEST if is_chosen else age)
    return await tell(db, "messages", tallied(old_messages))


async def _drop_attempts(db: Db, keys: Sequence[Key]) -> set[tuple[int, str]]:
    """Drop the attempts of messages and return the wamids that they brought."""
    gone = await db.fetch(
        f"""
        delete from message_attempts a using {_KEYS} where a.tenant_id = k.tenant_id and a.message_id = k.id
        returning a.tenant_id, a.wamid
        """,
        keys,
    )
    return {(row["tenant_id"], row["wamid"]) for row in gone if row["wamid"] is not None}


async def _drop_reports(db: Db, wamids: Sequence[Wamid]) -> None:
    """Drop wamids and what Meta reported about them."""
    for table in ("message_statuses", "message_wamids"):
        await db.execute(
            f"""
            delete from {table} t using {rows.table(Wamid, alias="k")}
            where t.tenant_id = k.tenant_id and t.wamid = k.wamid
            """,
            wamids,
        )


async def drop_uses(db: Db, keys: Sequence[Key]) -> None:
    """Drop uses of files and note which files no message names any more."""
    uses = await db.fetch(
        f"""
        delete from message_media r using {_KEYS} where r.tenant_id = k.tenant_id and r.message_id = k.id
        returning r.tenant_id, r.media_id
        """,
        keys,
    )
    if files := _keys(uses, "media_id"):
        await db.execute(
            f"""
            update media m set is_named = false from {_KEYS}
            where m.tenant_id = k.tenant_id and m.id = k.id
              and not exists (select from message_media r where r.tenant_id = m.tenant_id and r.media_id = m.id)
            """,
            files,
        )


async def _drop_conversations(db: Db, keys: Sequence[Key], age: dt.timedelta) -> None:
    """Drop conversations in which nothing is left, nothing is counted and nobody noted anything."""
    empty = await db.fetch(
        f"""
        select v.tenant_id, v.id from {_KEYS} join conversations v on v.tenant_id = k.tenant_id and v.id = k.id
        where v.last_message_at < now() - $2::interval
          and coalesce(greatest(v.window_expires_at, v.counted_until, v.pair_tat), '-infinity') < now()
        for update of v skip locked
        """,
        keys,
        age,
    )
    await db.execute(
        f"""
        delete from conversations v using {_KEYS} where v.tenant_id = k.tenant_id and v.id = k.id
          and not exists (select from messages m where m.tenant_id = v.tenant_id and m.conversation_id = v.id)
          and not exists (select from comments c where c.tenant_id = v.tenant_id and c.conversation_id = v.id)
        """,
        _keys(empty, "id"),
    )


def _keys(found: Sequence[Row], column: str) -> list[Key]:
    return [Key(*key) for key in sorted({(row["tenant_id"], row[column]) for row in found})]
