"""Queries that drop files past their time: those that messages name, and those that none does.

A candidate's row is locked while it is judged. Whoever stores the same content meanwhile, or a message that comes to
name it, waits for that lock and finds either the row, needed from now on, or none.
"""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.db.purging import Amount, amount, own_age, tallied, tell
from rasl.db.rows import Key

_REFERENCES_AT_ONCE = 5_000
_KINDS = {
    True: "media",
    False: "unused_media",
}  # what tenants call files that messages name, and those that none does

# Sent again or for the first time, the message would need the file.
_IS_AWAITED = """exists (
    select from message_media r
    cross join lateral (
        select g.status from messages g where g.tenant_id = r.tenant_id and g.id = r.message_id limit 1) g
    where r.tenant_id = m.tenant_id and r.media_id = m.id and g.status in ('queued', 'sending', 'unknown'))"""
_IS_NAMED = "exists (select from message_media r where r.tenant_id = m.tenant_id and r.media_id = m.id)"


class _File(msgspec.Struct, frozen=True):
    tenant_id: int
    store_key: str


class Dropped(msgspec.Struct, frozen=True):
    """What a batch dropped, and the files that nothing leads to any more; whether more is to come."""

    amount: Amount
    store_keys: Sequence[str]
    has_more: bool


async def count(db: Db, age: dt.timedelta, *, is_named: bool) -> Amount:
    """Return how many files would go of those that messages name, or of those that none names."""
    found = await amount(
        db,
        f"""
        select count(*) as rows, coalesce(sum(m.size), 0)::bigint as bytes from media m
        where m.is_named = $2 and m.needed_at < now() - $1::interval
          and not case when $2 then {_IS_AWAITED} else {_IS_NAMED} end
        """,
        age,
        is_named,
    )
    return Amount(found.rows, found.bytes, found.rows)


async def count_of_tenants(db: Db, *, is_named: bool) -> Amount:
    """Return how many files are past the time that their tenants chose."""
    kind = _KINDS[is_named]
    found = await amount(
        db,
        f"""
        select count(*) as rows, coalesce(sum(m.size), 0)::bigint as bytes
        from tenants o cross join lateral (
            select m.size from media m
            where m.tenant_id = o.id and m.is_named = $1 and m.needed_at < now() - {own_age(kind)}
              and not case when $1 then {_IS_AWAITED} else {_IS_NAMED} end offset 0) m
        where o.retention_days ? '{kind}'
        """,
        is_named,
    )
    return Amount(found.rows, found.bytes, found.rows)


async def drop_of_tenants(db: Db, limit: int, *, is_named: bool) -> Dropped:
    """Drop the rows of up to `limit` files that are past the time that their tenants chose, as `drop` does."""
    kind = _KINDS[is_named]
    old = await db.fetch(
        f"""
        select m.* from tenants o cross join lateral (
            select m.tenant_id, m.id, case when $1 then {_IS_AWAITED} else {_IS_NAMED} end as is_needed
            from media m
            where m.tenant_id = o.id and m.is_named = $1 and m.needed_at < now() - {own_age(kind)}
            order by m.needed_at limit $2 for update of m skip locked) m
        where o.retention_days ? '{kind}' limit $2
        """,
        is_named,
        limit,
    )
    return await _drop_judged(db, old, limit, is_named=is_named)


async def drop(db: Db, age: dt.timedelta, limit: int, *, is_named: bool) -> Dropped:
    """Drop the rows of up to `limit` files; their content is the caller's to drop, after the commit."""
    old = await db.fetch(
        f"""
        select m.tenant_id, m.id, case when $2 then {_IS_AWAITED} else {_IS_NAMED} end as is_needed
        from media m where m.is_named = $2 and m.needed_at < now() - $1::interval
        order by m.needed_at limit $3 for update of m skip locked
        """,
        age,
        is_named,
        limit,
    )
    return await _drop_judged(db, old, limit, is_named=is_named)


async def _drop_judged(db: Db, old: Sequence[Row], limit: int, *, is_named: bool) -> Dropped:
    """Drop those of locked files that nothing needs, and put the others off."""
    await _put_off(db, [Key(row["tenant_id"], row["id"]) for row in old if row["is_needed"]])
    gone = [Key(row["tenant_id"], row["id"]) for row in old if not row["is_needed"]]
    if not gone:
        await tell(db, _KINDS[is_named], ())
        return Dropped(Amount(), (), len(old) == limit)
    if is_named and await _drop_references(db, gone) == _REFERENCES_AT_ONCE:
        return Dropped(Amount(), (), has_more=True)
    return await _drop_rows(db, _KINDS[is_named], gone, has_more=len(old) == limit)


async def _put_off(db: Db, keys: Sequence[Key]) -> None:
    """Note that files are needed at this moment, so that they are not looked at again and again."""
    if keys:
        await db.execute(
            f"""
            update media m set needed_at = now(), is_named = true
            from {rows.table(Key, alias="k")}
            where m.tenant_id = k.tenant_id and m.id = k.id
            """,
            keys,
        )


async def _drop_references(db: Db, keys: Sequence[Key]) -> int:
    """Let settled messages forget files; not all at once, as one file may have gone to very many people."""
    done = await amount(
        db,
        f"""
        with gone as (
            delete from message_media where ctid = any(array(
                select r.place from {rows.table(Key, alias="k")} cross join lateral (
                    select e.ctid as place from message_media e
                    where e.tenant_id = k.tenant_id and e.media_id = k.id limit $2) r
                limit $2))
            returning 1
        )
        select count(*) as rows, 0::bigint as bytes from gone
        """,
        keys,
        _REFERENCES_AT_ONCE,
    )
    return done.rows


async def _drop_rows(db: Db, kind: str, keys: Sequence[Key], *, has_more: bool) -> Dropped:
    gone = await db.fetch(
        f"""
        delete from media m using {rows.table(Key, alias="k")}
        where m.tenant_id = k.tenant_id and m.id = k.id
        returning m.tenant_id, m.store_key, m.size
        """,
        keys,
    )
    # Rows of before shared a file when the same content went under two types.
    kept = await find_kept(db, [(row["tenant_id"], row["store_key"]) for row in gone])
    store_keys = sorted({row["store_key"] for row in gone} - kept)
    return Dropped(await tell(db, kind, tallied(gone, is_file=True)), store_keys, has_more)


async def find_kept(db: Db, keys: Sequence[tuple[int, str]]) -> set[str]:
    """Return those of the files, given as (tenant_id, store_key), that a row leads to."""
    found = await db.fetch(
        f"""
        select k.store_key from {rows.table(_File, alias="k")}
        cross join lateral (
            select from media m where m.tenant_id = k.tenant_id and m.store_key = k.store_key limit 1) m
        """,
        [_File(*key) for key in keys],
    )
    return {row["store_key"] for row in found}
