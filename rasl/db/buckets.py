"""Leaky buckets shared by all processes: permits are taken in blocks, one statement for many buckets."""

from collections.abc import Sequence

import msgspec

from rasl.db import rows
from rasl.db.pool import Db


class Take(msgspec.Struct, frozen=True):
    """A wish for up to `wanted` permits of one bucket; times in seconds."""

    name: str
    interval: float
    burst: int
    wanted: int


class Grant(msgspec.Struct, frozen=True):
    """How many permits were granted, and the bucket's TAT relative to the database's clock, in seconds."""

    permits: int
    tat_ahead: float


_TAKE = f"""
with wish as (
    select i.name, i.interval as step, i.burst, i.wanted from {rows.table(Take)}
), locked as (
    select b.name, greatest(b.tat, now()) as tat from buckets b join wish w using (name)
    order by b.name for update of b
), share as (
    select w.name, s.tat, w.step,
           greatest(0, least(w.wanted,
               floor(w.burst - extract(epoch from s.tat - now())::float8 / w.step + 1e-6)::integer)) as permits
    from wish w join locked s using (name)
), taken as (
    update buckets b set tat = g.tat + make_interval(secs => g.step * g.permits)
    from share g where b.name = g.name and g.permits > 0
)
select name, permits, extract(epoch from tat - now())::float8 + step * permits as tat_ahead from share
"""


async def take(db: Db, wishes: Sequence[Take]) -> dict[str, Grant]:
    """Take permits of buckets with distinct names; a bucket that was never used is full."""
    ordered = sorted(wishes, key=lambda wish: wish.name)
    granted = await _take(db, ordered)
    missing = [wish for wish in ordered if wish.name not in granted]
    if missing:
        await db.execute(
            "insert into buckets (name, tat) select unnest($1::text[]), now() on conflict do nothing",
            [wish.name for wish in missing],
        )
        granted |= await _take(db, missing)
    return granted


async def _take(db: Db, ordered: Sequence[Take]) -> dict[str, Grant]:
    granted = await db.fetch(_TAKE, ordered)
    return {row["name"]: Grant(row["permits"], row["tat_ahead"]) for row in granted}
