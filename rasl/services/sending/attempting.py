"""One attempt to send a stored message, the same for request and worker.

No transaction is open while Meta is called. The message is already committed; what comes back is classified, decided
on by `domain.backoff`, and recorded under the fence of the lease.
"""

import contextlib
import datetime as dt
import random
from collections.abc import Iterator, Mapping

import msgspec

from rasl import clock, log, metrics
from rasl.db import jobs, recipients, unsent
from rasl.db import messages as message_rows
from rasl.db.messages import Result
from rasl.domain import backoff, phone
from rasl.domain.backoff import Fail, Retry, Step, Trouble, Wait
from rasl.domain.gcra import PAIR
from rasl.domain.message_types.base import Content
from rasl.errors import ServiceUnavailable
from rasl.graph.client import Ambiguous, NotSent, Refused, SendOutcome, Taken
from rasl.sealing import Sealer
from rasl.services.ground import message_secrets
from rasl.services.media import files
from rasl.services.otp import progress
from rasl.services.sending import outcomes, statuses
from rasl.services.sending.outbox import Outbox, Recorded
from rasl.services.sending.work import Attempted, LeaseLostError, NotGivenError, Work

_TOO_LATE = NotSent("The code expired before the message could be sent.")
_TOO_LATE_TO_ASK = Ambiguous("The code expired before WhatsApp confirmed the message.")
_logger = log.get_logger()


@contextlib.contextmanager
def _before_the_call() -> Iterator[None]:
    try:
        yield
    except LeaseLostError:
        raise
    except Exception as error:
        raise NotGivenError(error) from error


async def attempt(outbox: Outbox, work: Work, patience: float = 0.0) -> Attempted:
    """Send once and record what came of it; a retry due within `patience` seconds stays with this process."""
    started_at = clock.now()
    begun = clock.monotonic()
    if work.is_first and work.is_too_late(started_at):
        outcome: SendOutcome = _TOO_LATE_TO_ASK if work.is_ambiguous else _TOO_LATE
        work = msgspec.structs.replace(work, is_resent=False)
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
    if isinstance(outcome, Taken):
        return Attempted(result.status, result.wamid)
    failure = outcome.failure if isinstance(outcome, Refused) else None
    reason = None if isinstance(outcome, Refused) else outcome.reason
    seconds = step.seconds if isinstance(step, Retry) else None
    return Attempted(result.status, None, failure, reason, seconds)


async def _call(outbox: Outbox, work: Work) -> SendOutcome:
    """Give Meta the files it lacks, then the message; a file it has dropped since is given to it once more."""
    media_ids = work.message.content.media_ids()
    if not media_ids:
        return await _post(outbox, work, {})
    for is_last_try in (False, True):
        with _before_the_call():
            uploads = await files.upload(outbox.resources, work.number, work.message.tenant_id, media_ids)
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
            await files.forget_uploads(outbox.resources, work.number, work.message.tenant_id, uploads)
        except ServiceUnavailable:
            break
    return outcome


async def _mark_tried(outbox: Outbox, work: Work) -> bool:
    """Write down that the files are with Meta and the message follows: who dies before has sent nothing, as all see.

    False when the database is away.
    """
    try:
        async with outbox.resources.database.connection() as db:
            is_ours = await unsent.mark_tried(db, work.message.tenant_id, work.message.id, work.fence)
    except ServiceUnavailable:
        return False
    if not is_ours:
        raise LeaseLostError
    return True


async def _post(outbox: Outbox, work: Work, uploads: Mapping[int, str]) -> SendOutcome:
    with _before_the_call():
        address = Address(work.message.tenant_id, work.message.id, work.message.peer, work.message.reply_to)
        content, secret = message_secrets.open_secret(
            outbox.resources.sealer, work.message.tenant_id, work.message.content
        )
        fields = payload(outbox.resources.sealer, address, content, uploads)
    outcome = await outbox.resources.graph.send_message(
        work.number.phone_number_id, work.number.access_token, fields
    )
    return message_secrets.masked(outcome, secret)


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


def _decide(outcome: SendOutcome, trouble: Trouble | None, work: Work, now: dt.datetime) -> Step | None:
    if trouble is None:
        return None
    retry_after = outcome.retry_after if isinstance(outcome, Refused) else None
    jitter = random.random()  # noqa: S311 - spreads retries
    return backoff.next_step(
        trouble,
        work.attempt,
        now - work.message.created_at,
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
    status, keeps_lease = "sent", False
    retry_seconds: float | None = None
    match step:
        case Retry(seconds=seconds) if seconds <= patience:
            status, keeps_lease = "sending", True
            retry_seconds = seconds + outbox.resources.settings.lease_seconds
        case Retry(seconds=seconds):
            status, retry_seconds = "queued", seconds
        case Fail():
            status = "failed"
        case Wait():
            status = "unknown"
            if work.is_resent:
                retry_seconds = outbox.resources.settings.unknown_window_seconds
    return Result(
        tenant_id=work.message.tenant_id,
        message_id=work.message.id,
        fence=work.fence,
        attempt=work.attempt,
        started_at=started_at,
        status=status,
        carries_code=work.is_first,
        is_ambiguous=isinstance(step, Wait),
        retry_seconds=retry_seconds,
        keeps_lease=keeps_lease,
        **outcomes.findings(outcome),
    )


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
    if isinstance(outcome, Taken):
        wa_id = outcome.wa_id
        is_respelled = (
            wa_id is not None and wa_id != work.message.peer and not phone.is_bsuid(work.message.peer)
        )
        if is_respelled or recorded.has_parked or not recorded.is_owned:
            await _follow_up(outbox, work, outcome, recorded, wa_id if is_respelled else None)


async def _follow_up(
    outbox: Outbox, work: Work, outcome: Taken, recorded: Recorded, new_wa_id: str | None
) -> None:
    """Do what only few successes need: one that came late, statuses that were parked, Meta's own spelling."""
    if not recorded.is_owned:
        async with outbox.resources.database.transaction() as db:
            await message_rows.adopt_late_success(db, work.message.tenant_id, work.message.id, outcome.wamid)
            if work.is_first:
                await progress.record(db, [(work.message.tenant_id, work.message.id)])
    if recorded.has_parked:
        await statuses.attach_parked(outbox.resources.database, [(work.message.tenant_id, outcome.wamid)])
    if new_wa_id:
        async with outbox.resources.database.connection() as db:
            await recipients.keep_wa_ids(
                db, [(work.message.tenant_id, phone.match_key(work.message.peer), new_wa_id)]
            )


async def _line_up(outbox: Outbox, work: Work, seconds: float) -> None:
    try:
        async with outbox.resources.database.connection() as db:
            await jobs.postpone_pair(
                db, work.message.tenant_id, work.message.conversation_id, seconds, PAIR.interval
            )
    except ServiceUnavailable:
        # The message itself is recorded; the others meet the limit themselves.
        _logger.warning("pair_not_lined_up", conversation_id=work.message.conversation_id)
