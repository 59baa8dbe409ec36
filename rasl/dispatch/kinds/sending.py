"""Sends what requests left behind: queued messages, due retries, and those whose process died."""

import asyncio
from collections import Counter
from collections.abc import Sequence

from rasl import clock, log, metrics
from rasl.db import jobs
from rasl.db import messages as message_rows
from rasl.db.jobs import Ask
from rasl.db.messages import Result
from rasl.db.pool import Db, Row
from rasl.db.unsent import Unsent
from rasl.dispatch.guard import is_told_to_end
from rasl.dispatch.kind import Claim, Kind
from rasl.dispatch.numbers import Numbers
from rasl.domain import message_types
from rasl.domain.tenants import Number
from rasl.errors import ServiceUnavailable
from rasl.services.sending import attempting
from rasl.services.sending.accepting import LANE_OTP
from rasl.services.sending.attempting import NotGivenError, Work
from rasl.services.sending.outbox import Outbox

CLAIM = 100
IN_FLIGHT = 400
RESERVED = 100  # places in flight besides, for what goes first
PER_NUMBER = 50  # of one claim
_PATIENCE = 3.0  # seconds within which a retry stays with this process
_PAUSE = 0.1  # seconds in which a number regains half a burst of permits
_CLOSED_PAUSE = (
    10.0  # for a number whose secret does not open: what waits for it would only be claimed in vain
)
_SHARE_SECONDS = 0.15  # of a number's throughput is claimed at once: what it cannot send only goes back
_SET_ASIDE = (
    "Not sent: something on our side failed again and again. WhatsApp has not seen this attempt. "
    "It waits until an operator has it tried again."
)
_DIED = (
    "The process sending it died",
    "It stopped between calling WhatsApp and writing down the answer.",
)
_FAILED = (
    "Something failed while it was sent",
    "It failed between calling WhatsApp and writing down the answer.",
)
_Waiting = tuple[int, int, int, float]
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
        self._paused: dict[int, float] = {}
        self._started: dict[tuple[int, int], Row] = {}  # marked as being sent, until their task begins
        self._lost: set[tuple[int, int]] = set()  # their process died in the middle of an attempt

    def ask(self, running: int) -> Ask:
        """Claim for numbers that may send now; when only the reserved places are left, what goes first."""
        room, last_lane = min(CLAIM, IN_FLIGHT - running), jobs.LAST_LANE
        if room <= 0:
            room, last_lane = min(CLAIM, IN_FLIGHT + RESERVED - running), LANE_OTP
        shares = {
            number.id: max(1, int(number.messages_per_second * _SHARE_SECONDS))
            for number in self._numbers.usable()
        }
        return Ask(room, PER_NUMBER, self.saturated(), last_lane, LANE_OTP, shares)

    def saturated(self) -> list[int]:
        """Return numbers that have just used up their throughput: claiming for them would only keep others out."""
        now = clock.monotonic()
        self._paused = {number_id: until for number_id, until in self._paused.items() if until > now}
        return list(self._paused)

    def idle_seconds(self) -> float:
        """Return how long to wait when nothing was due: a paused number goes on as soon as it may."""
        now = clock.monotonic()
        return min([self.poll_seconds, *(max(0.0, until - now) for until in self._paused.values())])

    async def sift(self, claims: Sequence[Claim]) -> Sequence[Claim]:
        """Mark as being sent what its number has a permit for, and give back what has to wait its turn."""
        abandoned = [claim.key for claim in claims if claim.was_abandoned]
        async with self.resources.database.connection() as db:
            await self._numbers.load(db, {claim.queue_id for claim in claims})
            untouched = await message_rows.find_queued(db, abandoned) if abandoned else set()
        # Whoever claimed the untouched died before starting them: Meta has not heard of them.
        lost = [claim for claim in claims if claim.was_abandoned and claim.key not in untouched]
        fresh = sorted((claim for claim in claims if claim not in lost), key=_turn)
        closed = [claim for claim in fresh if self._numbers[claim.queue_id].number is None]
        permitted, waiting = await self._permitted([claim for claim in fresh if claim not in closed])
        started = await self._start(permitted, waiting)
        self._lost.update(claim.key for claim in lost)
        self._paused |= dict.fromkeys((claim.queue_id for claim in closed), clock.monotonic() + _CLOSED_PAUSE)
        return [*started, *lost, *closed]

    async def run(self, claim: Claim, stop: asyncio.Event) -> None:  # noqa: ARG002 - a send is short, and finished
        """Send it; it is put off only while Meta has not heard of it."""
        row = self._started.pop(claim.key, None)
        if claim.key in self._lost:
            self._lost.discard(claim.key)
            metrics.RESCUED.inc()
            await self._rescue(claim, max(1, claim.attempts - 1), *_DIED)
            return
        number = self._numbers[claim.queue_id].opened()
        if row is None:
            raise LookupError("not marked as being sent")
        work = self._work(row, claim, number)
        try:
            await attempting.deliver(self.outbox, work, _PATIENCE, has_permit=True)
        except NotGivenError as error:
            raise error.reason from error
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            _logger.exception("sending_failed", message_id=work.message_id)
            await self._rescue(claim, claim.attempts, *_FAILED)

    async def give_back(self, db: Db, claim: Claim, *, is_set_aside: bool) -> None:
        """Let the message show that it waits, and why if that is for an operator."""
        await message_rows.mark_queued(db, [claim.key])
        if is_set_aside:
            await message_rows.explain(db, *claim.key, _SET_ASIDE)

    async def _permitted(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[_Waiting]]:
        """Take a permit of its number for each claim; the others go back, each due when its turn will have come."""
        permitted: list[Claim] = []
        waiting: list[_Waiting] = []
        queued: Counter[tuple[int, bool]] = Counter()
        for claim in claims:
            number, is_first = self._numbers[claim.queue_id].opened(), claim.lane == LANE_OTP
            if not queued[number.id, is_first]:
                verdict = await attempting.take_permit(self.resources.limits, number, is_first=is_first)
                if verdict.is_allowed:
                    permitted.append(claim)
                    continue
                self._paused[number.id] = clock.monotonic() + _PAUSE
            queued[number.id, is_first] += 1
            waiting.append((*claim.holding, queued[number.id, is_first] / number.messages_per_second))
        return permitted, waiting

    async def _start(self, permitted: Sequence[Claim], waiting: Sequence[_Waiting]) -> list[Claim]:
        """Mark messages as being sent, and settle the other claims, in one transaction: all of it or nothing."""
        if not permitted and not waiting:
            return []
        try:
            async with self.resources.database.transaction() as db:
                rows = await message_rows.start_sending(db, [claim.key for claim in permitted])
                started = {(row["tenant_id"], row["id"]): row for row in rows}
                # What is left was settled by Meta's echo in the meantime: nothing to send any more.
                settled = [claim.holding for claim in permitted if claim.key not in started]
                if settled:
                    await jobs.discard(db, self.name, settled)
                if waiting:
                    await jobs.release(db, self.name, waiting)
        except ServiceUnavailable:
            # Nobody knows whether it was written, but all know that Meta was not called.
            for claim in permitted:
                self.outbox.returns.start(_unsent(claim))
            raise
        self._started |= started
        return [claim for claim in permitted if claim.key in started]

    def _work(self, row: Row, claim: Claim, number: Number) -> Work:
        return Work(
            tenant_id=row["tenant_id"],
            unknown_policy=self._unknown_policy(claim),
            number=number,
            lane=claim.lane,
            message_id=row["id"],
            conversation_id=row["conversation_id"],
            peer=row["peer"],
            content=message_types.load(row["type"], row["text"], row["content"]),
            created_at=row["created_at"],
            fence=claim.fence,
            attempt=claim.attempts,
            reply_to=row["reply_to"],
            is_ambiguous=row["is_ambiguous"],
        )

    def _unknown_policy(self, claim: Claim) -> str:
        return attempting.unknown_policy(self._numbers[claim.queue_id].unknown_policy, claim.lane)

    async def _rescue(self, claim: Claim, attempt: int, title: str, details: str) -> None:
        """Mark a message of which nobody knows whether Meta got it."""
        is_resent = self._unknown_policy(claim) == "resend"
        result = Result(
            tenant_id=claim.tenant_id,
            message_id=claim.subject_id,
            fence=claim.fence,
            attempt=attempt,
            outcome="unknown",
            started_at=clock.now(),
            status="unknown",
            is_ambiguous=True,
            retry_seconds=self.resources.settings.unknown_window_seconds if is_resent else None,
            title=title,
            details=details,
        )
        await self.outbox.recording.put(result)


def _unsent(claim: Claim) -> Unsent:
    return Unsent(*claim.key, claim.queue_id, claim.lane, claim.fence, claim.attempts)


def _turn(claim: Claim) -> tuple[int, tuple[int, int]]:
    return claim.lane, claim.key
