"""Sends what requests left behind: queued messages, due retries, and those whose process died."""

import asyncio
from collections.abc import Iterable, Sequence

from rasl import log, metrics
from rasl.db import jobs
from rasl.db import messages as message_rows
from rasl.db.jobs import Ask, Holding
from rasl.db.pool import Db, Row
from rasl.db.unsent import Unsent
from rasl.dispatch.guard import is_told_to_end
from rasl.dispatch.kind import Claim, Kind
from rasl.dispatch.numbers import Numbers
from rasl.dispatch.pacing import Pace
from rasl.services.sending import queued
from rasl.services.sending.delivering import deliver
from rasl.services.sending.lanes import LANE_OTP, is_resent
from rasl.services.sending.outbox import Outbox
from rasl.services.sending.work import NotGivenError, Work, read_message

CLAIM = 100
IN_FLIGHT = 400
RESERVED = 100  # places in flight besides, for what goes first
PER_NUMBER = 50  # of one claim
_REST = 10.0  # seconds after which it is looked again whether a tenant may send
_PATIENCE = 3.0  # seconds within which a retry stays with this process
_SET_ASIDE = (
    "Not sent: something on our side failed again and again. WhatsApp has not seen this attempt. "
    "It waits until an operator has it tried again."
)
_logger = log.get_logger()


class Sending(Kind):
    """The kind of job that gives one message to Meta; the subject is the message, the queue its number."""

    name = "send"
    per_queue = PER_NUMBER
    poll_seconds = 0.5
    is_rescued = True

    def __init__(self, outbox: Outbox) -> None:
        super().__init__(outbox)
        self.lease = outbox.lease
        self._numbers = Numbers(self.resources)
        self.pace = Pace(self._numbers, self.resources.limits)
        self._started: dict[tuple[int, int], Row] = {}  # marked as being sent, until their task begins
        self._lost: set[tuple[int, int]] = set()  # their process died in the middle of an attempt

    def ask(self, running: int) -> Ask:
        """Claim for numbers that may send now; when only the reserved places are left, what goes first."""
        room, last_lane = min(CLAIM, IN_FLIGHT - running), jobs.LAST_LANE
        if room <= 0:
            room, last_lane = min(CLAIM, IN_FLIGHT + RESERVED - running), LANE_OTP
        return Ask(room, PER_NUMBER, self.pace.paused(), last_lane, LANE_OTP, self.pace.shares())

    def held(self, claims: Iterable[Claim]) -> set[Holding]:
        """Keep what goes back to the queue, too, until it is there."""
        return {*super().held(claims), *self.outbox.held()}

    def idle_seconds(self) -> float:
        """Return how long to wait when nothing was due: a paused number goes on as soon as it may."""
        return self.pace.until_next(self.poll_seconds)

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Mark as being sent what its number has a permit for, and give back what has to wait its turn."""
        abandoned = [claim.key for claim in claims if claim.was_abandoned]
        async with self.resources.database.connection() as db:
            await self._numbers.load(db, {claim.queue_id for claim in claims})
            untouched = await message_rows.find_queued(db, abandoned) if abandoned else set()
        # Whoever claimed the untouched died before starting them: Meta has not heard of them.
        lost = [claim for claim in claims if claim.was_abandoned and claim.key not in untouched]
        fresh = [claim for claim in claims if claim not in lost]
        fresh.sort(key=lambda claim: (claim.lane, claim.key))
        resting = [claim for claim in fresh if self._numbers[claim.queue_id].is_resting]
        closed = [
            claim for claim in fresh if self._numbers[claim.queue_id].number is None and claim not in resting
        ]
        permitted, waiting = await self.pace.sort(
            [it for it in fresh if it not in closed and it not in resting]
        )
        waiting += [(claim, _REST) for claim in resting]
        self._started |= await queued.start(
            self.outbox,
            [
                Unsent(*claim.key, claim.queue_id, claim.lane, claim.fence, claim.attempts)
                for claim in permitted
            ],
            {claim.holding: seconds for claim, seconds in waiting},
        )
        self._lost.update(claim.key for claim in lost)
        self.pace.close(claim.queue_id for claim in (*closed, *resting))
        return [*(claim for claim in permitted if claim.key in self._started), *lost, *closed]

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - a send is short, and finished
        """Send it; it is put off only while Meta has not heard of it."""
        row = self._started.pop(claim.key, None)
        known = self._numbers[claim.queue_id]
        resent = is_resent(known.unknown_policy, claim.lane)
        if claim.key in self._lost:
            self._lost.discard(claim.key)
            metrics.RESCUED.inc()
            before = max(1, claim.attempts - 1)
            await queued.rescue(self.outbox, claim.holding, before, queued.DIED, is_resent=resent)
            return
        number = known.opened()
        if row is None:
            raise LookupError("not marked as being sent")
        work = Work(
            read_message(row),
            number,
            claim.lane,
            resent,
            claim.fence,
            claim.attempts,
            is_ambiguous=row["is_ambiguous"],
        )
        try:
            await deliver(self.outbox, work, _PATIENCE, has_permit=True)
        except NotGivenError as error:
            raise error.reason from error
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            _logger.exception("sending_failed", message_id=claim.subject_id)
            await queued.rescue(self.outbox, claim.holding, claim.attempts, queued.FAILED, is_resent=resent)

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        """Let the message show that it waits, and why if that is for an operator."""
        await message_rows.mark_queued(db, [claim.key])
        if is_set_aside:
            await message_rows.explain(db, *claim.key, _SET_ASIDE)
