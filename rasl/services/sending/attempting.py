"""One attempt to send a stored message, the same for request and worker.

No transaction is open while Meta is called. The message is already committed; what comes back is classified, decided
on by `domain.backoff`, and recorded under the fence of the lease.
"""

import asyncio
import contextlib
import datetime as dt
import random
from collections.abc import Iterator, Mapping

import msgspec

from rasl import clock, log, metrics
from rasl.db import jobs, recipients, unsent
from rasl.db import messages as message_rows
from rasl.db.messages import Result
from rasl.db.unsent import Unsent
from rasl.domain import backoff, phone
from rasl.domain.backoff import Fail, Retry, Step, Trouble, Wait
from rasl.domain.gcra import PAIR, Bucket
from rasl.domain.message_types.base import Content
from rasl.domain.tenants import Number
from rasl.errors import ServiceUnavailable
from rasl.graph.client import Accepted, Ambiguous, NotSent, Refused, SendOutcome
from rasl.graph.errors import GraphFailure
from rasl.sealing import Sealer
from rasl.services.ground import message_secrets
from rasl.services.ground.limits import Limits, Verdict
from rasl.services.media import files
from rasl.services.otp import progress
from rasl.services.sending import accepting as messages
from rasl.services.sending import outcomes, statuses
from rasl.services.sending.accepting import LANE_OTP
from rasl.services.sending.outbox import Outbox, Recorded

MOST_IN_FLIGHT = 2000  # sends of one process; a thousand a second at a second's latency
_RESERVED = 500  # places besides, for what goes first
REQUEST_PATIENCE = 3.0  # seconds a request waits for throughput and retries before the worker takes over
_THROUGHPUT_PAUSE = 0.02
_RESERVE_SHARE = 4  # of a second's throughput
_IS_IT_STORED = (
    "The database was lost while the message was stored, and nobody knows yet whether it was: look for "
    "chat_message_id before you repeat the request, or repeat it with the same Idempotency-Key"
)
_TOO_LATE = NotSent("The code expired before the message could be sent.")
_TOO_LATE_TO_ASK = Ambiguous("The code expired before WhatsApp confirmed the message.")
_logger = log.get_logger()


class NotGivenError(Exception):
    """Something failed before WhatsApp was called: it has not heard of this attempt."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(type(reason).__name__)
        self.reason = reason


@contextlib.contextmanager
def _before_the_call() -> Iterator[None]:
    try:
        yield
    except _LeaseLostError:
        raise
    except Exception as error:
        raise NotGivenError(error) from error


class _LeaseLostError(Exception):
    """Somebody else took the message over, and sends it."""


class Work(msgspec.Struct, frozen=True):
    """A leased message, ready to be attempted."""

    tenant_id: int
    unknown_policy: str
    number: Number
    message_id: int
    conversation_id: int
    peer: str
    content: Content
    created_at: dt.datetime
    fence: int
    attempt: int
    lane: int
    reply_to: str | None = None
    is_request: bool = False  # somebody waits for the answer
    is_ambiguous: bool = False  # an earlier attempt may have been taken

    @property
    def is_first(self) -> bool:
        """Whether it goes before everything else."""
        return self.lane == LANE_OTP

    @property
    def most_age(self) -> dt.timedelta:
        """Return the age at which it is given up."""
        valid_for = self.content.valid_for()
        return backoff.MAX_AGE if valid_for is None else min(backoff.MAX_AGE, valid_for)

    def is_too_late(self, now: dt.datetime) -> bool:
        """Tell whether the code is no good any more; one that is erased already is not."""
        return self.content.sealed() is None or now - self.created_at >= self.most_age


class Attempted(msgspec.Struct, frozen=True):
    """What one attempt led to: the message's new status and, as far as known, why."""

    status: str
    wamid: str | None = None
    failure: GraphFailure | None = None
    reason: str | None = None
    retry_seconds: float | None = None


async def attempt(outbox: Outbox, work: Work, patience: float = 0.0) -> Attempted:
    """Send once and record what came of it; a retry due within `patience` seconds stays with this process."""
    started_at = clock.now()
    begun = clock.monotonic()
    if work.is_first and work.is_too_late(started_at):
        outcome: SendOutcome = _TOO_LATE_TO_ASK if work.is_ambiguous else _TOO_LATE
        work = msgspec.structs.replace(work, unknown_policy="hold")
    else:
        outcome = await _call(outbox, work)
        metrics.GRAPH_SECONDS.observe(clock.monotonic() - begun)
    trouble = Trouble.REFUSED if outcome is _TOO_LATE else outcomes.trouble(outcome)
    step = _decide(outcome, trouble, work, started_at)
    result = _result(outbox, work, outcome, step, started_at, patience)
    metrics.count_attempt(result.outcome, result.status, work.lane, result.code)
    await _record(outbox, work, result, outcome)
    if trouble is Trouble.PAIR_THROTTLED and isinstance(step, Retry):
        await _line_up(outbox, work, step.seconds)
    failure = outcome.failure if isinstance(outcome, Refused) else None
    reason = outcome.reason if isinstance(outcome, NotSent | Ambiguous) else None
    seconds = step.seconds if isinstance(step, Retry) else None
    return Attempted(result.status, result.wamid, failure, reason, seconds)


async def _call(outbox: Outbox, work: Work) -> SendOutcome:
    """Give Meta the files it lacks, then the message; a file it has dropped since is given to it once more."""
    media_ids = work.content.media_ids()
    if not media_ids:
        return await _post(outbox, work, {})
    for is_last_try in (False, True):
        with _before_the_call():
            uploads = await files.upload(outbox.resources, work.number, work.tenant_id, media_ids)
        if not isinstance(uploads, files.Uploads):
            return uploads
        with _before_the_call():
            is_away = not await _mark_tried(outbox, work)
        if is_away:
            return NotSent("the database was away when the message was about to be sent")
        outcome = await _post(outbox, work, uploads)
        if is_last_try or not uploads.is_reused or not files.is_gone(outcome):
            break
        try:
            await files.forget_uploads(outbox.resources, work.number, work.tenant_id, uploads)
        except ServiceUnavailable:
            break
    return outcome


async def _mark_tried(outbox: Outbox, work: Work) -> bool:
    """Write down that the files are with Meta and the message follows: who dies before has sent nothing, as all see.

    False when the database is away.
    """
    try:
        async with outbox.resources.database.connection() as db:
            is_ours = await unsent.mark_tried(db, work.tenant_id, work.message_id, work.fence)
    except ServiceUnavailable:
        return False
    if not is_ours:
        raise _LeaseLostError
    return True


async def _post(outbox: Outbox, work: Work, uploads: Mapping[int, str]) -> SendOutcome:
    with _before_the_call():
        address = Address(work.tenant_id, work.message_id, work.peer, work.reply_to)
        content, secret = message_secrets.open_secret(outbox.resources.sealer, work.tenant_id, work.content)
        fields = payload(outbox.resources.sealer, address, content, uploads)
    outcome = await outbox.resources.graph.send_message(
        work.number.phone_number_id, work.number.access_token, fields
    )
    return message_secrets.masked(outcome, secret)


async def deliver(outbox: Outbox, work: Work, patience: float, *, has_permit: bool = False) -> Attempted:
    """Attempt a leased message until it is settled or its next try is more than `patience` seconds away.

    Raises NotGivenError; whatever else is raised came after WhatsApp was called.
    `has_permit` says that the first attempt has its share of the number's throughput already.
    """
    key = (work.tenant_id, work.message_id)
    outbox.leases[key] = work.fence
    deadline = clock.monotonic() + patience
    try:
        while True:
            if not has_permit and not await _has_turn(outbox, work, deadline):
                return await give_back(outbox, work, 1.0)
            has_permit = False
            attempted = await attempt(outbox, work, deadline - clock.monotonic())
            if attempted.status != "sending" or attempted.retry_seconds is None:
                return attempted
            await asyncio.sleep(attempted.retry_seconds)
            work = msgspec.structs.replace(work, attempt=work.attempt + 1)
    except _LeaseLostError:
        return Attempted("queued")
    finally:
        outbox.leases.pop(key, None)


class Address(msgspec.Struct, frozen=True):
    """What a payload says about its message besides the content."""

    tenant_id: int
    message_id: int
    peer: str
    reply_to: str | None


def payload(
    sealer: Sealer, address: Address, content: Content, uploaded: Mapping[int, str]
) -> dict[str, object]:
    """Return the Graph payload of a message, our own id in the data that Meta echoes; what is sealed stays masked."""
    fields: dict[str, object] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": sealer.mint_opaque(address.tenant_id, address.message_id),
        **content.graph_fields(uploaded),
    }
    # Without the plus Meta may take the number for a national one (cloud-api section 2.1).
    if phone.is_bsuid(address.peer):
        fields["recipient"] = address.peer
    else:
        fields["to"] = f"+{address.peer}"
    if address.reply_to:
        fields["context"] = {"message_id": address.reply_to}
    return fields


def unknown_policy(of_tenant: str, lane: int) -> str:
    """Return what becomes of a message nobody knows about: a code is sent again, it is the same one twice at worst."""
    return "resend" if lane == LANE_OTP else of_tenant


async def give_back(outbox: Outbox, work: Work, seconds: float) -> Attempted:
    """Return a message untried to the worker's queue, as soon as the database lets us."""
    item = Unsent(
        work.tenant_id,
        work.message_id,
        work.number.id,
        work.lane,
        work.fence,
        work.attempt,
        seconds,
    )
    await outbox.returns.put_back(item)
    return Attempted("queued")


async def extend_leases(outbox: Outbox) -> None:
    """Tell the database that this process still works on what it holds: messages and Idempotency-Keys."""
    leases = outbox.returns.leases | outbox.leases
    try:
        if leases:
            held = [(*key, fence) for key, fence in leases.items()]
            async with outbox.resources.database.connection() as db:
                await jobs.extend(db, "send", held, outbox.lease)
    finally:
        await outbox.keys.renew()


async def take_permit(limits: Limits, number: Number, *, is_first: bool) -> Verdict:
    """Take one permit of the number's throughput, if there is one; what goes first may run ahead of the others."""
    rate = number.messages_per_second
    reserve = max(2, rate // _RESERVE_SHARE) if is_first else 0
    return await limits.spend(f"number:{number.id}", Bucket.per_second(rate), reserve)


async def _has_turn(outbox: Outbox, work: Work, deadline: float) -> bool:
    try:
        return await _throughput(outbox, work, deadline)
    except ServiceUnavailable:
        return False
    except Exception:
        # Whatever it is, Meta was not called: the message goes back instead of becoming `unknown` in our hands.
        _logger.exception("turn_not_known", message_id=work.message_id)
        return False


async def _throughput(outbox: Outbox, work: Work, deadline: float) -> bool:
    """Wait for a permit of the sending number, at most until the deadline."""
    while True:
        verdict = await take_permit(outbox.resources.limits, work.number, is_first=work.is_first)
        if verdict.is_allowed:
            return True
        pause = verdict.retry_after + random.random() * _THROUGHPUT_PAUSE  # noqa: S311 - spreads the waiters
        if clock.monotonic() + pause > deadline:
            return False
        await asyncio.sleep(pause)


def _decide(outcome: SendOutcome, trouble: Trouble | None, work: Work, now: dt.datetime) -> Step | None:
    if trouble is None:
        return None
    retry_after = outcome.retry_after if isinstance(outcome, Refused) else None
    jitter = random.random()  # noqa: S311 - spreads retries
    return backoff.next_step(
        trouble,
        work.attempt,
        now - work.created_at,
        jitter,
        retry_after,
        is_request=work.is_request,
        max_age=work.most_age,
    )


def _result(
    outbox: Outbox,
    work: Work,
    outcome: SendOutcome,
    step: Step | None,
    started_at: dt.datetime,
    patience: float,
) -> Result:
    """Put the attempt into the words of the tables."""
    status, retry_seconds, keeps_lease = "sent", None, False
    match step:
        case Retry(seconds=seconds) if seconds <= patience:
            status, retry_seconds, keeps_lease = (
                "sending",
                seconds + outbox.resources.settings.lease_seconds,
                True,
            )
        case Retry(seconds=seconds):
            status, retry_seconds = "queued", seconds
        case Fail():
            status = "failed"
        case Wait():
            status = "unknown"
            if work.unknown_policy == "resend":
                retry_seconds = outbox.resources.settings.unknown_window_seconds
    result = Result(
        tenant_id=work.tenant_id,
        message_id=work.message_id,
        fence=work.fence,
        attempt=work.attempt,
        outcome="accepted",
        started_at=started_at,
        status=status,
        carries_code=work.is_first,
        is_ambiguous=isinstance(step, Wait),
        retry_seconds=retry_seconds,
        keeps_lease=keeps_lease,
    )
    return msgspec.structs.replace(result, **outcomes.findings(outcome))


async def _record(outbox: Outbox, work: Work, result: Result, outcome: SendOutcome) -> None:
    """Write the result; while the database is away it is tried again in the background, however long that takes."""
    try:
        await _record_once(outbox, work, result, outcome)
    except Exception as error:
        if not isinstance(error, ServiceUnavailable):
            _logger.exception("result_not_recorded", message_id=result.message_id)
        outbox.behind.start(
            lambda: _record_once(outbox, work, result, outcome),
            "result_waits_for_database",
            message_id=result.message_id,
        )


async def _record_once(outbox: Outbox, work: Work, result: Result, outcome: SendOutcome) -> None:
    recorded = await outbox.recording.put(result)
    if isinstance(outcome, Accepted):
        wa_id = outcome.wa_id
        is_respelled = wa_id is not None and wa_id != work.peer and not phone.is_bsuid(work.peer)
        if is_respelled or recorded.has_parked or not recorded.is_owned:
            await _follow_up(outbox, work, outcome, recorded, wa_id if is_respelled else None)


async def _follow_up(
    outbox: Outbox, work: Work, outcome: Accepted, recorded: Recorded, new_wa_id: str | None
) -> None:
    """Do what only few successes need: one that came late, statuses that were parked, Meta's own spelling."""
    if not recorded.is_owned:
        async with outbox.resources.database.transaction() as db:
            await message_rows.adopt_late_success(db, work.tenant_id, work.message_id, outcome.wamid)
            if work.is_first:
                await progress.record(db, [(work.tenant_id, work.message_id)])
    if recorded.has_parked:
        await statuses.attach_parked(outbox.resources.database, [(work.tenant_id, outcome.wamid)])
    if new_wa_id:
        async with outbox.resources.database.connection() as db:
            await recipients.keep_wa_ids(db, [(work.tenant_id, phone.match_key(work.peer), new_wa_id)])


async def _line_up(outbox: Outbox, work: Work, seconds: float) -> None:
    try:
        async with outbox.resources.database.connection() as db:
            await jobs.postpone_pair(db, work.tenant_id, work.conversation_id, seconds, PAIR.interval)
    except ServiceUnavailable:
        # The message itself is recorded; the others meet the limit themselves.
        _logger.warning("pair_not_lined_up", conversation_id=work.conversation_id)


async def send(outbox: Outbox, draft: messages.Draft) -> tuple[messages.Accepted, Attempted]:
    """Commit a message and, unless it has to wait its turn, send it at once; raises what accepting refuses.

    Raises ServiceUnavailable, storing nothing, when so many sends are under way that one more would only make all of
    them, and Meta's webhooks beside them, later.
    """
    is_first = messages.lane_of(draft.content) == LANE_OTP
    most = MOST_IN_FLIGHT + (_RESERVED if is_first else 0)
    if len(outbox.leases) + len(outbox.returns.leases) >= most and not draft.is_async:
        raise ServiceUnavailable
    accepting = outbox.accepting_first if is_first else outbox.accepting
    try:
        accepted = await accepting.put(draft)
    except messages.InDoubt as doubt:
        return await _find(outbox, draft, doubt)
    lane = messages.lane_of(accepted.content)
    if not accepted.is_leased:
        metrics.count_queued(lane)
        return accepted, Attempted("queued")
    work = Work(
        tenant_id=draft.tenant.id,
        unknown_policy=unknown_policy(draft.tenant.unknown_policy, lane),
        number=draft.number,
        lane=lane,
        message_id=accepted.message_id,
        conversation_id=accepted.conversation_id,
        peer=accepted.peer,
        content=accepted.content,
        created_at=accepted.created_at,
        fence=1,
        attempt=1,
        reply_to=draft.reply.wamid if draft.reply else None,
        is_request=True,
    )
    try:
        return accepted, await deliver(outbox, work, REQUEST_PATIENCE)
    except NotGivenError:
        # It is stored, and WhatsApp has not heard of it: the worker tries, and sets it aside if it cannot either.
        _logger.exception("message_not_given", message_id=work.message_id)
        return accepted, await give_back(outbox, work, 1.0)


async def _find(
    outbox: Outbox, draft: messages.Draft, doubt: messages.InDoubt
) -> tuple[messages.Accepted, Attempted]:
    """Find out whether a message was stored, and leave it to the worker if it was: Meta was not called.

    Raises ServiceUnavailable when it was not, or when the database does not come back while the client waits: then it
    is looked for behind the answer.
    """
    accepted = doubt.accepted
    item = Unsent(
        tenant_id=draft.tenant.id,
        message_id=accepted.message_id,
        queue_id=draft.number.id,
        lane=messages.lane_of(accepted.content),
        fence=1,
        attempt=1,
        request_id=draft.request_id,
        xid=doubt.xid,
    )
    found = await outbox.returns.put_back(item)
    if found is None:
        raise ServiceUnavailable(_IS_IT_STORED, {"chat_message_id": accepted.message_id})
    if found.status is None:
        raise ServiceUnavailable
    return accepted, Attempted(found.status, found.wamid)
