"""Tells endpoints what happened, each at its own pace: none that is slow or dead takes the place of another."""

import asyncio
import datetime as dt
from collections.abc import Sequence

from rasl.db import webhook_deliveries
from rasl.db.batch import Batch
from rasl.db.channels import WEBHOOKS
from rasl.db.jobs import Ask, release
from rasl.db.pool import Row
from rasl.db.webhook_deliveries import KIND, Settled
from rasl.dispatch.endpoints import Endpoints, Place
from rasl.dispatch.kind import Claim, Kind
from rasl.domain.events.formats import Account, Stored
from rasl.domain.gcra import Bucket
from rasl.services.sending.outbox import Outbox
from rasl.services.webhooks import delivering
from rasl.services.webhooks.delivering import ENDED, EXPIRED, Target, Work

_CLAIM = 200
_IN_FLIGHT = 600


class Delivering(Kind):
    """The kind of job that makes one attempt at a delivery; the queue is the endpoint."""

    name = KIND
    channel = WEBHOOKS
    in_flight = _IN_FLIGHT
    gather_seconds = 0.01
    is_rescued = True  # whoever died of it was no fault of the event

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        self.lease = dt.timedelta(seconds=self.resources.settings.lease_seconds)
        self._endpoints = Endpoints()
        self._begun: dict[tuple[int, int], tuple[Work, Place]] = {}
        self._writing: Batch[Settled, None] = Batch("webhooks", self._write)

    def ask(self, running: int) -> Ask:
        """Claim for endpoints that have places left."""
        room = min(_CLAIM, _IN_FLIGHT - running)
        return Ask(room, Endpoints.PLACES, self._endpoints.full(), shares=self._endpoints.shares())

    def idle_seconds(self) -> float:
        """Return how long to wait when nothing was due: an endpoint that rests goes on as soon as it may."""
        return self._endpoints.until_next(self.poll_seconds)

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Load what is to be told, and settle what cannot be told or has to wait."""
        async with self.resources.database.connection() as db:
            found = await webhook_deliveries.load(db, [claim.key for claim in claims])
            rows = {(row["tenant_id"], row["id"]): row for row in found}
            over = [claim.holding for claim in claims if _is_over(rows.get(claim.key))]
            expired = [
                claim.holding
                for claim in claims
                if claim.holding not in over and rows[claim.key]["key"] is None
            ]
            waiting = [
                claim.holding
                for claim in claims
                if claim.holding not in over and _is_waiting(rows[claim.key]) and claim.holding not in expired
            ]
            going = sorted(
                (it for it in claims if it.holding not in {*over, *expired, *waiting}), key=lambda it: it.key
            )
            # Before anything is written: what cannot be opened raises here, and each claim is tried by itself.
            works = {claim.key: self._opened(claim, rows[claim.key]) for claim in going}
            for holdings, error in ((over, ENDED), (expired, EXPIRED)):
                if holdings:
                    await webhook_deliveries.end(db, holdings, "dropped", error)
            if waiting:
                await webhook_deliveries.wait(db, waiting)
        permitted = await self._permitted(going, rows)
        for claim in permitted:
            # Taken before the task begins: the next claim must see it.
            self._begun[claim.key] = works[claim.key], self._endpoints.begin(claim.queue_id)
        return permitted

    async def _permitted(self, claims: Sequence[Claim], rows: dict[tuple[int, int], Row]) -> list[Claim]:
        """Take a permit for each claim of an endpoint that has a rate; the others go back until their turn."""
        permitted: list[Claim] = []
        late: list[tuple[int, int, int, float]] = []
        for claim in claims:
            rate = rows[claim.key]["max_per_second"]
            if rate is None:
                permitted.append(claim)
                continue
            verdict = await self.resources.limits.spend(f"webhook:{claim.queue_id}", Bucket.per_second(rate))
            if verdict.is_allowed:
                permitted.append(claim)
                continue
            self._endpoints.rest(claim.queue_id, verdict.retry_after)
            late.append((*claim.holding, verdict.retry_after))
        if late:
            async with self.resources.database.connection() as db:
                await release(db, KIND, late)
        return permitted

    def _opened(self, claim: Claim, row: Row) -> Work:
        return Work(
            claim.holding,
            claim.queue_id,
            row["line_id"],
            row["attempt"] + 1,
            row["failing_since"],
            Target.of(self.resources.sealer, row),
            Stored(row["key"], row["type"], row["created_at"], row["payload"]),
            Account(claim.tenant_id, row["name"], row["subdomain"]),
        )

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - an attempt is short, and finished
        """Attempt it and write what came of it."""
        work, place = self._begun.pop(claim.key)
        try:
            told = await delivering.attempt(self.resources.poster, work)
            self._endpoints.rest(claim.queue_id, told.rest)
            await self._writing.put(delivering.settled(work, told))
            await delivering.give_up(self.resources.database, work, told)
        finally:
            if self._endpoints.end(place):
                self.wake.set()

    async def _write(self, outcomes: Sequence[Settled]) -> list[Exception | None]:
        await delivering.record(self.resources.database, outcomes)
        return [None] * len(outcomes)


def _is_over(row: Row | None) -> bool:
    """Tell whether there is nobody any more to be told, or nothing to be done."""
    return (
        row is None
        or row["state"] != "pending"
        or row["deleted_at"] is not None
        or row["disabled_at"] is not None
    )


def _is_waiting(row: Row) -> bool:
    return not row["is_active"] or row["tenant_status"] != "active"
