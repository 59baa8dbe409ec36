"""Messages that the worker takes out of the queue: begun, or marked as those that nobody knows about."""

from collections.abc import Mapping, Sequence

from rasl import clock
from rasl.db import jobs
from rasl.db import messages as message_rows
from rasl.db.jobs import Holding
from rasl.db.messages import Result
from rasl.db.pool import Row
from rasl.db.unsent import Unsent
from rasl.errors import ServiceUnavailable
from rasl.services.sending.outbox import Outbox

DIED = (
    "The process sending it died",
    "It stopped between calling WhatsApp and writing down the answer.",
)
FAILED = (
    "Something failed while it was sent",
    "It failed between calling WhatsApp and writing down the answer.",
)


async def start(
    outbox: Outbox, permitted: Sequence[Unsent], waiting: Mapping[Holding, float]
) -> dict[tuple[int, int], Row]:
    """Mark messages as being sent and put off the others so many seconds: all in one transaction, or nothing of it.

    Returns the rows of those that were marked. What is left was settled by Meta's echo in the meantime.
    """
    if not permitted and not waiting:
        return {}
    try:
        async with outbox.resources.database.transaction() as db:
            keys = [(item.tenant_id, item.message_id) for item in permitted]
            rows = await message_rows.start_sending(db, keys)
            started = {(row["tenant_id"], row["id"]): row for row in rows}
            settled = [
                (*key, item.fence) for key, item in zip(keys, permitted, strict=True) if key not in started
            ]
            if settled:
                await jobs.discard(db, "send", settled)
            if waiting:
                await jobs.release(db, "send", [(*held, seconds) for held, seconds in waiting.items()])
    except ServiceUnavailable:
        # Nobody knows whether it was written, but all know that Meta was not called.
        for item in permitted:
            outbox.returns.start(item)
        raise
    return started


async def rescue(
    outbox: Outbox, held: Holding, attempt: int, why: tuple[str, str], *, is_resent: bool
) -> None:
    """Mark a message as one of which nobody knows whether Meta got it; `why` is title and details."""
    tenant_id, message_id, fence = held
    title, details = why
    result = Result(
        tenant_id=tenant_id,
        message_id=message_id,
        fence=fence,
        attempt=attempt,
        outcome="unknown",
        started_at=clock.now(),
        status="unknown",
        is_ambiguous=True,
        retry_seconds=outbox.resources.settings.unknown_window_seconds if is_resent else None,
        title=title,
        details=details,
    )
    await outbox.recording.put(result)
