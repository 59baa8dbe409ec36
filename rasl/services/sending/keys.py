"""Idempotency-Keys of one process: claimed and given back for many requests at once, and kept alive in between.

A key is its holder's as long as its lease is renewed, so the keys of a dead process are free within one lease. A claim
that nobody confirmed needs no care: nobody renews it.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl import clock, log
from rasl.db import idempotency
from rasl.db.batch import Batch
from rasl.db.idempotency import Claim, Ending, Name, Wish
from rasl.db.pool import Database
from rasl.errors import ApiError, ServiceUnavailable
from rasl.services.sending.behind import Behind

# How long an answer waits to be kept: who repeats the request right after it shall find it.
PATIENCE = 2.0
_logger = log.get_logger()


class Keys:
    """The keys whose requests run in this process."""

    def __init__(self, database: Database, behind: Behind, lease: dt.timedelta) -> None:
        self._database = database
        self._behind = behind
        self._lease = lease
        self._claiming: Batch[Wish, Claim] = Batch("claim_keys", self._claim)
        self._ending: Batch[Ending, None] = Batch("end_keys", self._end, limit=100_000)
        self._held: dict[Name, tuple[int, float]] = {}  # the fence, and since when

    async def claim(self, wish: Wish) -> Claim:
        """Take a key, or tell who has it; raises ServiceUnavailable whatever keeps us from knowing."""
        try:
            claim = await self._claiming.put(wish)
        except ApiError:
            raise
        except Exception as error:
            _logger.exception("key_not_claimed")
            raise ServiceUnavailable from error
        if claim.is_mine:
            self._held[wish.name] = (claim.fence, clock.monotonic())
        elif wish.name in self._held:
            # It runs right here: no need to wait for a lease to end.
            claim = msgspec.structs.replace(claim, seconds=1.0)
        return claim

    async def end(self, ending: Ending) -> None:
        """Keep an answer or give the key back; what cannot be written at once is written behind, and nothing raised."""
        name = (ending.tenant_id, ending.key)
        task = self._behind.start(lambda: self._ending.put(ending), "key_waits_for_database")
        task.add_done_callback(lambda _: self._let_go(name, ending.fence))
        await asyncio.wait({task}, timeout=PATIENCE)

    async def renew(self) -> None:
        """Tell the database that the requests of these keys still run; part of the heartbeat."""
        # What is younger than a beat is through before the next one, or renewed then.
        before = clock.monotonic() - self._lease.total_seconds() / 3
        held = [(*name, fence) for name, (fence, since) in self._held.items() if since <= before]
        if held:
            async with self._database.connection() as db:
                await idempotency.renew_keys(db, held, self._lease)

    def _let_go(self, name: Name, fence: int) -> None:
        if self._held.get(name, (0, 0.0))[0] == fence:
            del self._held[name]

    async def _claim(self, wishes: Sequence[Wish]) -> list[Claim | Exception]:
        first: dict[Name, Wish] = {}
        for wish in wishes:
            first.setdefault(wish.name, wish)
        async with self._database.connection() as db:
            claims = await idempotency.claim_keys(db, list(first.values()), self._lease)
        return [
            claims[wish.name] if wish is first[wish.name] else _of_another(claims[wish.name])
            for wish in wishes
        ]

    async def _end(self, endings: Sequence[Ending]) -> list[Exception | None]:
        async with self._database.connection() as db:
            await idempotency.end_keys(db, endings)
        return [None] * len(endings)


def _of_another(claim: Claim) -> Claim:
    """Return what a second request with the same key learns: the first has just taken it."""
    return msgspec.structs.replace(claim, is_mine=False)
