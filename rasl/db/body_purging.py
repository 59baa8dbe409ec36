"""Queries that drop what messages say, and keep the rest: direction, state, times, type, template.

Messages are gone through from the oldest on, each once: `body_marks` tells up to where. What could not lose its body
then is in `bodies_left`, and tried again every hour.
"""

import datetime as dt
from collections.abc import Sequence

from rasl.db import rows
from rasl.db.message_purging import SETTLED, drop_uses
from rasl.db.pool import Db, Row
from rasl.db.purging import Amount, amount, own_age, tallied, tell
from rasl.db.rows import Key

KIND = "message_bodies"
_SIZE = "coalesce(octet_length(m.text), 0) + coalesce(octet_length(m.content::text), 0) as size"
_NEXT = """
from tenants o left join body_marks b on b.tenant_id = o.id
cross join lateral (
    select {columns} from messages m
    where m.tenant_id = o.id and m.created_at < now() - {age}
      and (m.created_at, m.id) > (coalesce(b.created_at, '-infinity'), coalesce(b.message_id, 0))
"""
# The age is the server's, or the one that each tenant chose for itself.
_AGES = {False: "$1::interval", True: f"least($1::interval, {own_age(KIND)})"}
_WHOSE = {False: "", True: f"where o.retention_days ? '{KIND}'"}
_KEYS = rows.table(Key, alias="k")


async def count(db: Db, age: dt.timedelta, *, is_chosen: bool) -> Amount:
    """Return how many messages would lose their body, and how large those are."""
    following = _NEXT.format(columns=_SIZE, age=_AGES[is_chosen])
    return await amount(
        db,
        f"""
        with due as (
            select m.size {following} and {SETTLED} offset 0) m {_WHOSE[is_chosen]}
            union all
            select m.size from bodies_left l cross join lateral (
                select {_SIZE} from messages m
                where m.tenant_id = l.tenant_id and m.id = l.message_id and {SETTLED} offset 0) m
            where $2 and l.due_at <= now()
        )
        select count(*) as rows, coalesce(sum(size), 0)::bigint as bytes from due
        """,
        age,
        is_chosen,
    )


async def drop(db: Db, age: dt.timedelta, limit: int, *, is_chosen: bool) -> tuple[Amount, bool]:
    """Drop the bodies of up to so many messages; returns how much, and whether there may be more."""
    following = _NEXT.format(columns="m.tenant_id, m.id, m.created_at", age=_AGES[is_chosen])
    found = await db.fetch(
        f"select m.* {following} order by m.created_at, m.id limit $2) m {_WHOSE[is_chosen]} limit $2",
        age,
        limit,
    )
    left = await _list_left(db, limit) if is_chosen else []
    keys = [Key(*key) for key in sorted({(row["tenant_id"], row["id"]) for row in (*found, *left)})]
    if not keys:
        return await tell(db, KIND, ()), False
    dropped = await _drop(db, keys)
    await drop_uses(db, [Key(row["tenant_id"], row["id"]) for row in dropped])
    await _keep_left(db, keys)
    await _mark(db, found)
    return await tell(db, KIND, tallied(dropped)), limit in {len(found), len(left)}


async def _list_left(db: Db, limit: int) -> list[Row]:
    """Return messages that are to be looked at again: by the purge that runs whatever the server's time is."""
    return await db.fetch(
        """
        select tenant_id, message_id as id from bodies_left where due_at <= now()
        order by due_at limit $1 for update skip locked
        """,
        limit,
    )


async def _drop(db: Db, keys: Sequence[Key]) -> list[Row]:
    """Drop the bodies of those messages that are settled and that nobody holds; of a template its name stays."""
    return await db.fetch(
        f"""
        with held as materialized (
            select m.*, now() as at from {_KEYS} cross join lateral (
                select m.tenant_id, m.id, {_SIZE},
                       case when m.type = 'template' then jsonb_strip_nulls(jsonb_build_object(
                           'name', m.content -> 'name', 'language', m.content -> 'language',
                           'version_id', m.content -> 'version_id')) end as content
                from messages m
                where m.tenant_id = k.tenant_id and m.id = k.id and m.body_dropped_at is null and {SETTLED}
                limit 1 for update of m skip locked) m
        )
        update messages m set text = null, content = held.content, body_dropped_at = held.at
        from held where m.tenant_id = held.tenant_id and m.id = held.id
        returning m.tenant_id, m.id, held.size
        """,
        keys,
    )


async def _keep_left(db: Db, keys: Sequence[Key]) -> None:
    """Remember those of the messages that still have their body, and forget the others."""
    await db.execute(
        f"delete from bodies_left l using {_KEYS} where l.tenant_id = k.tenant_id and l.message_id = k.id",
        keys,
    )
    await db.execute(
        f"""
        insert into bodies_left (tenant_id, message_id, due_at)
        select k.tenant_id, k.id, now() + interval '1 hour' from {_KEYS} cross join lateral (
            select from messages m
            where m.tenant_id = k.tenant_id and m.id = k.id and m.body_dropped_at is null limit 1) m
        on conflict do nothing
        """,
        keys,
    )


async def _mark(db: Db, found: Sequence[Row]) -> None:
    """Note up to where the messages of each tenant were gone through."""
    last: dict[int, tuple[dt.datetime, int]] = {}
    for row in found:
        place = (row["created_at"], row["id"])
        last[row["tenant_id"]] = max(place, last.get(row["tenant_id"], place))
    for tenant_id, (created_at, message_id) in sorted(last.items()):
        await db.execute(
            """
            insert into body_marks as b (tenant_id, created_at, message_id) values ($1, $2, $3)
            on conflict (tenant_id) do update
                set created_at = excluded.created_at, message_id = excluded.message_id
            where (excluded.created_at, excluded.message_id) > (b.created_at, b.message_id)
            """,
            tenant_id,
            created_at,
            message_id,
        )
