"""Idempotency keys: who may run a request, and the answer everybody else gets."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db, Row

Name = tuple[int, str]  # tenant_id, key


class Wish(msgspec.Struct, frozen=True):
    """A request that wants to run under a key; requests with one key must have one fingerprint."""

    tenant_id: int
    key: str
    fingerprint: bytes

    @property
    def name(self) -> Name:
        """The key with its tenant."""
        return self.tenant_id, self.key


class Claim(msgspec.Struct, frozen=True):
    """A key as it stands: the caller's, or somebody else's with their answer, if there is one yet."""

    is_mine: bool
    fence: int
    fingerprint: bytes
    message_id: int | None = None  # what an earlier holder, now dead, had stored
    status: int | None = None
    body: bytes | None = None
    seconds: float = 0.0  # until the lease of its holder ends


class Ending(msgspec.Struct, frozen=True):
    """What becomes of a key when its request is through: it keeps the answer, or is given back without one."""

    tenant_id: int
    key: str
    fence: int
    status: int | None = None
    body: bytes | None = None


class _Held(msgspec.Struct, frozen=True):
    tenant_id: int
    key: str
    fence: int


class _Bound(msgspec.Struct, frozen=True):
    tenant_id: int
    key: str
    message_id: int


# Most keys are new: this is the only statement they need.
_INSERT = f"""
insert into idempotency_keys (tenant_id, key, fingerprint, locked_until)
select tenant_id, key, fingerprint, now() + $2::interval from {rows.table(Wish)}
on conflict do nothing
returning tenant_id, key
"""
# A row that somebody has locked is in use: one paused process must not hold up everybody else's keys.
_TAKE_OVER = f"""
with free as (
    select k.*, w.fingerprint as new_fingerprint, now() as at
    from {rows.table(Wish, alias="w")}
    cross join lateral (
        select k.tenant_id, k.key, k.created_at < now() - interval '24 hours' as is_old from idempotency_keys k
        where k.tenant_id = w.tenant_id and k.key = w.key
          and (k.created_at < now() - interval '24 hours'
               or (k.status is null and k.locked_until <= now() and k.fingerprint = w.fingerprint))
        for update skip locked
    ) k
)
update idempotency_keys k
set fingerprint = f.new_fingerprint, fence = k.fence + 1, locked_until = now() + $2::interval,
    message_id = case when f.is_old then null else k.message_id end, status = null, body = null,
    created_at = case when f.is_old then f.at else k.created_at end
from free f
where k.tenant_id = f.tenant_id and k.key = f.key
returning k.tenant_id, k.key, k.fence, k.message_id
"""
_READ = f"""
select k.tenant_id, k.key, k.fence, k.fingerprint, k.message_id, k.status, k.body,
       extract(epoch from k.locked_until - now())::float8 as seconds
from {rows.table(Wish, alias="w")}
join idempotency_keys k on k.tenant_id = w.tenant_id and k.key = w.key
"""
_CLAIM_COLUMNS = ("fence", "fingerprint", "message_id", "status", "body", "seconds")


async def claim_keys(db: Db, wishes: Sequence[Wish], lease: dt.timedelta) -> dict[Name, Claim]:
    """Take each key that is new, older than 24 hours, or whose holder stopped renewing its lease.

    A key may be named only once.
    """
    claims: dict[Name, Claim] = {}
    missing = sorted(wishes, key=lambda wish: wish.name)
    while missing:
        claims |= await _claim_once(db, missing, lease)
        # Given back between two of the statements: the next round finds it free.
        missing = [wish for wish in missing if wish.name not in claims]
    return claims


async def _claim_once(db: Db, wishes: Sequence[Wish], lease: dt.timedelta) -> dict[Name, Claim]:
    by_name = {wish.name: wish for wish in wishes}
    taken = await db.fetch(_INSERT, wishes, lease)
    claims = {_name(row): Claim(True, 1, by_name[_name(row)].fingerprint) for row in taken}
    known = [wish for wish in wishes if wish.name not in claims]
    if known:
        for row in await db.fetch(_TAKE_OVER, known, lease):
            name = _name(row)
            claims[name] = Claim(True, row["fence"], by_name[name].fingerprint, row["message_id"])
    others = [wish for wish in known if wish.name not in claims]
    if others:
        for row in await db.fetch(_READ, others):
            claims[_name(row)] = Claim(False, **{name: row[name] for name in _CLAIM_COLUMNS})
    return claims


def _name(row: Row) -> Name:
    return row["tenant_id"], row["key"]


async def hold_keys(db: Db, holdings: Sequence[tuple[int, str, int]]) -> list[bool]:
    """Lock keys, given as (tenant_id, key, fence), until the transaction ends; tells which are still the caller's."""
    # One order in every process, so that two transactions never wait for each other's keys.
    ordered = sorted(set(holdings))
    held = await db.fetch(
        f"""
        select h.tenant_id, h.key, h.fence
        from {rows.table(_Held, alias="h")}
        cross join lateral (
            select from idempotency_keys k
            where k.tenant_id = h.tenant_id and k.key = h.key and k.fence = h.fence and k.message_id is null
            for update
        ) k
        """,
        [_Held(*holding) for holding in ordered],
    )
    mine = {tuple(row) for row in held}
    return [holding in mine for holding in holdings]


async def bind_keys(db: Db, bindings: Sequence[tuple[int, str, int]]) -> None:
    """Tie keys to the message that was stored for them: (tenant_id, key, message_id)."""
    await db.execute(
        f"""
        update idempotency_keys k set message_id = b.message_id
        from {rows.table(_Bound, alias="b")}
        where k.tenant_id = b.tenant_id and k.key = b.key
        """,
        [_Bound(*binding) for binding in bindings],
    )


async def renew_keys(db: Db, holdings: Sequence[tuple[int, str, int]], lease: dt.timedelta) -> None:
    """Renew the leases of keys whose requests still run, given as (tenant_id, key, fence).

    A key that a transaction has locked at this moment is left for the next time.
    """
    await db.execute(
        f"""
        update idempotency_keys k set locked_until = now() + $2::interval
        from (
            select k.tenant_id, k.key
            from {rows.table(_Held, alias="h")}
            cross join lateral (
                select k.tenant_id, k.key from idempotency_keys k
                where k.tenant_id = h.tenant_id and k.key = h.key and k.fence = h.fence and k.status is null
                for update skip locked
            ) k
        ) held
        where k.tenant_id = held.tenant_id and k.key = held.key
        """,
        [_Held(*holding) for holding in holdings],
        lease,
    )


async def end_keys(db: Db, endings: Sequence[Ending]) -> None:
    """Store first answers, unless somebody else took the key over, and give back the keys that have none.

    What has no answer is free at once for the corrected request; if a message was stored under it all the same, it
    leads to that message.
    """
    await db.execute(
        f"""
        with item as materialized (
            select i.*, now() as at from {rows.table(Ending)}
        ), dropped as (
            delete from idempotency_keys k using item i
            where k.tenant_id = i.tenant_id and k.key = i.key and k.fence = i.fence and i.status is null
              and k.message_id is null
        )
        update idempotency_keys k
        set status = i.status, body = i.body,
            locked_until = case when i.status is null then i.at else k.locked_until end
        from item i
        where k.tenant_id = i.tenant_id and k.key = i.key and k.fence = i.fence
          and (i.status is not null or k.message_id is not null)
        """,
        endings,
    )
