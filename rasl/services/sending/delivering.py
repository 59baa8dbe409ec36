"""The way of a message through this process: its turn, its attempts, and back to the queue where they lead nowhere.

Requests and the worker both deliver here, so that a message fares the same whoever sends it.
"""

import asyncio
import random

import msgspec

from rasl import clock, log, metrics
from rasl.domain.gcra import Bucket
from rasl.domain.tenants import Number
from rasl.errors import ServiceUnavailable
from rasl.services.composing.draft import Draft
from rasl.services.ground.limits import Limits, Verdict
from rasl.services.sending.accepting import InDoubt
from rasl.services.sending.attempting import attempt
from rasl.services.sending.lanes import LANE_OTP, is_resent, lane_of
from rasl.services.sending.outbox import Outbox
from rasl.services.sending.work import Accepted, Attempted, LeaseLostError, NotGivenError, Work

MOST_IN_FLIGHT = 2000  # sends of one process; a thousand a second at a second's latency
_RESERVED = 500  # places besides, for what goes first
REQUEST_PATIENCE = 3.0  # seconds a request waits for throughput and retries before the worker takes over
_THROUGHPUT_PAUSE = 0.02
_RESERVE_SHARE = 4  # of a second's throughput
_AGAIN_SECONDS = 1.0  # until the worker tries what had no turn here
_IS_IT_STORED = (
    "The database was lost while the message was stored, and nobody knows yet whether it was: look for "
    "chat_message_id before you repeat the request, or repeat it with the same Idempotency-Key"
)
_logger = log.get_logger()


async def send(outbox: Outbox, draft: Draft) -> tuple[Accepted, Attempted]:
    """Commit a message and, unless it has to wait its turn, send it at once; raises what accepting refuses.

    Raises ServiceUnavailable, storing nothing, when so many sends are under way that one more would only make all of
    them, and Meta's webhooks beside them, later.
    """
    is_first = lane_of(draft.content) == LANE_OTP
    most = MOST_IN_FLIGHT + (_RESERVED if is_first else 0)
    if outbox.in_flight >= most and not draft.is_async:
        raise ServiceUnavailable
    accepting = outbox.accepting_first if is_first else outbox.accepting
    try:
        accepted = await accepting.put(draft)
    except InDoubt as doubt:
        return await _find(outbox, draft, doubt)
    work = _work(draft, accepted)
    if not accepted.is_leased:
        metrics.count_queued(work.lane)
        return accepted, Attempted("queued")
    try:
        return accepted, await deliver(outbox, work, REQUEST_PATIENCE)
    except NotGivenError:
        # It is stored, and WhatsApp has not heard of it: the worker tries, and sets it aside if it cannot either.
        _logger.exception("message_not_given", message_id=accepted.id)
        return accepted, await _give_back(outbox, work)


async def deliver(outbox: Outbox, work: Work, patience: float, *, has_permit: bool = False) -> Attempted:
    """Attempt a leased message until it is settled or its next try is more than `patience` seconds away.

    Raises NotGivenError; whatever else is raised came after WhatsApp was called.
    `has_permit` says that the first attempt has its share of the number's throughput already.
    """
    key = (work.message.tenant_id, work.message.id)
    outbox.leases[key] = work.fence
    deadline = clock.monotonic() + patience
    try:
        while True:
            if not has_permit and not await _has_turn(outbox, work, deadline):
                return await _give_back(outbox, work)
            has_permit = False
            attempted = await attempt(outbox, work, deadline - clock.monotonic())
            if attempted.status != "sending" or attempted.retry_seconds is None:
                return attempted
            await asyncio.sleep(attempted.retry_seconds)
            work = msgspec.structs.replace(work, attempt=work.attempt + 1)
    except LeaseLostError:
        return Attempted("queued")
    finally:
        outbox.leases.pop(key, None)


async def take_permit(limits: Limits, number: Number, *, is_first: bool) -> Verdict:
    """Take one permit of the number's throughput, if there is one; what goes first may run ahead of the others."""
    rate = number.messages_per_second
    reserve = max(2, rate // _RESERVE_SHARE) if is_first else 0
    return await limits.spend(f"number:{number.id}", Bucket.per_second(rate), reserve)


def _work(draft: Draft, accepted: Accepted) -> Work:
    lane = lane_of(accepted.content)
    return Work(accepted, draft.number, lane, is_resent(draft.tenant.unknown_policy, lane), is_request=True)


async def _give_back(outbox: Outbox, work: Work) -> Attempted:
    """Return a message untried to the worker's queue, as soon as the database lets us."""
    await outbox.returns.put_back(work.unsent(_AGAIN_SECONDS))
    return Attempted("queued")


async def _has_turn(outbox: Outbox, work: Work, deadline: float) -> bool:
    """Wait for a permit of the sending number, at most until the deadline.

    When nobody knows whether there is one there is none: Meta was not called yet, so the message goes back to the queue
    instead of becoming `unknown` in our hands.
    """
    try:
        while True:
            verdict = await take_permit(outbox.resources.limits, work.number, is_first=work.is_first)
            if verdict.is_allowed:
                return True
            pause = verdict.retry_after + random.random() * _THROUGHPUT_PAUSE  # noqa: S311 - spreads the waiters
            if clock.monotonic() + pause > deadline:
                return False
            await asyncio.sleep(pause)
    except ServiceUnavailable:
        return False
    except Exception:
        _logger.exception("turn_not_known", message_id=work.message.id)
        return False


async def _find(outbox: Outbox, draft: Draft, doubt: InDoubt) -> tuple[Accepted, Attempted]:
    """Find out whether a message was stored, and leave it to the worker if it was: Meta was not called.

    Raises ServiceUnavailable when it was not, or when the database does not come back while the client waits: then it
    is looked for behind the answer.
    """
    accepted = doubt.accepted
    item = _work(draft, accepted).unsent(request_id=draft.request_id, xid=doubt.xid)
    found = await outbox.returns.put_back(item)
    if found is None:
        raise ServiceUnavailable(_IS_IT_STORED, {"chat_message_id": accepted.id})
    if found.status is None:
        raise ServiceUnavailable
    return accepted, Attempted(found.status, found.wamid)
