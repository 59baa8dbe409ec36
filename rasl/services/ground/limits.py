"""Rate limits that hold across processes: permits are taken from PostgreSQL in blocks and spent here."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from rasl import clock
from rasl.db import buckets
from rasl.db.batch import Batch
from rasl.db.pool import Database
from rasl.domain.gcra import Bucket

BLOCK_SECONDS = 0.1  # a process takes at most this much of a limit at once
_MAX_KNOWN = 50_000


class Verdict(msgspec.Struct, frozen=True):
    """Whether a permit was given, and the state of the bucket; seconds are from now."""

    is_allowed: bool
    remaining: int
    retry_after: float
    full_after: float


class _Block(msgspec.Struct):
    """Permits this process holds of one bucket; times are on our monotonic clock."""

    permits: int = 0
    tat: float = 0.0
    expires: float = 0.0


class Limits:
    """The limits of one process, shared with all others through the database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._blocks: dict[str, _Block] = {}
        self._taking: Batch[buckets.Take, buckets.Grant] = Batch("buckets", self._take)
        self._taking_first: Batch[buckets.Take, buckets.Grant] = Batch("buckets_first", self._take)

    async def spend(self, name: str, bucket: Bucket, reserve: int = 0) -> Verdict:
        """Take one permit of the bucket if there is one.

        A `reserve` lets so many permits be taken beyond what the bucket holds: others wait until it has recovered, so
        that whoever has a reserve goes first and the limit holds all the same.
        """
        block = self._blocks.get(name)
        if block is None:
            if len(self._blocks) > _MAX_KNOWN:
                self._blocks.clear()
            block = self._blocks[name] = _Block()
        now = clock.monotonic()
        if block.permits and block.expires > now:
            block.permits -= 1
            return _verdict(bucket, block, now, is_allowed=True)
        if reserve:
            return await self._spend_reserve(name, bucket, reserve)
        if not block.permits and bucket.remaining(block.tat, now) == 0:
            # Known to be empty: a refusal costs no query.
            return _verdict(bucket, block, now, is_allowed=False)
        return await self._refill(name, bucket, block)

    async def _spend_reserve(self, name: str, bucket: Bucket, reserve: int) -> Verdict:
        """Take one permit for the caller alone: a block would hand out the reserve to whoever asks next."""
        widened = Bucket(bucket.interval, bucket.burst + reserve)
        grant = await self._taking_first.put(buckets.Take(name, widened.interval, widened.burst, 1))
        now = clock.monotonic()
        block = self._blocks.setdefault(name, _Block())
        block.tat = now + grant.tat_ahead
        return _verdict(widened, block, now, is_allowed=grant.permits > 0)

    async def _refill(self, name: str, bucket: Bucket, block: _Block) -> Verdict:
        wanted = max(1, int(BLOCK_SECONDS / bucket.interval))
        grant = await self._taking.put(buckets.Take(name, bucket.interval, bucket.burst, wanted))
        now = clock.monotonic()
        block.tat = now + grant.tat_ahead
        if grant.permits == 0:
            return _verdict(bucket, block, now, is_allowed=False)
        block.permits = grant.permits - 1 + (block.permits if block.expires > now else 0)
        block.expires = now + 10 * BLOCK_SECONDS
        return _verdict(bucket, block, now, is_allowed=True)

    async def _take(self, wishes: Sequence[buckets.Take]) -> list[buckets.Grant | Exception]:
        """Take one block per bucket, or one permit for each who waits when they are more."""
        waiting = Counter(wish.name for wish in wishes)
        merged = {
            wish.name: msgspec.structs.replace(wish, wanted=max(wish.wanted, waiting[wish.name]))
            for wish in wishes
        }
        async with self._database.connection() as db:
            granted = await buckets.take(db, list(merged.values()))
        left = {name: grant.permits for name, grant in granted.items()}
        grants: list[buckets.Grant | Exception] = []
        for wish in wishes:
            waiting[wish.name] -= 1
            # The last of them takes what the others do not need.
            share = min(1, left[wish.name]) if waiting[wish.name] else left[wish.name]
            left[wish.name] -= share
            grants.append(buckets.Grant(share, granted[wish.name].tat_ahead))
        return grants


def _verdict(bucket: Bucket, block: _Block, now: float, *, is_allowed: bool) -> Verdict:
    return Verdict(
        is_allowed=is_allowed,
        remaining=max(0, bucket.remaining(block.tat, now)) + block.permits,
        retry_after=0.0 if is_allowed else bucket.retry_after(block.tat, now),
        full_after=max(0.0, block.tat - now),
    )
