"""What is known about one message, and how Meta's unordered, repeated reports add to it."""

import dataclasses
from datetime import datetime
from enum import StrEnum


class MessageStatus(StrEnum):
    """Where a message stands; `received` is the only status of an inbound one."""

    QUEUED = "queued"
    SENDING = "sending"
    UNKNOWN = "unknown"
    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    PLAYED = "played"
    FAILED = "failed"
    RECEIVED = "received"


# `failed` stands between sent and delivered: it ends a message that was at most sent, a late `sent` cannot
# undo it, and proof of delivery overrides it. Taking the higher rank then depends on no order or repetition.
_RANK = {
    MessageStatus.QUEUED: 0,
    MessageStatus.SENDING: 1,
    MessageStatus.UNKNOWN: 2,
    MessageStatus.SENT: 3,
    MessageStatus.FAILED: 4,
    MessageStatus.DELIVERED: 5,
    MessageStatus.READ: 6,
    MessageStatus.PLAYED: 7,
}
_SENT_RANK = _RANK[MessageStatus.SENT]
REPORTED_BY_META = frozenset({status for status, rank in _RANK.items() if rank >= _SENT_RANK})


def rank_of(status: str) -> int:
    """Return how far on a message is that Meta reports so: 0 for words that are no rung of the ladder."""
    return _RANK[MessageStatus(status)] if status in REPORTED_BY_META else 0


def merge(current: MessageStatus, incoming: MessageStatus) -> MessageStatus:
    """Return the status after a report of Meta, which may be late, repeated or out of order.

    This is for reports only: our own moves (queueing again after a failure, say) go backwards on purpose and
    are not merges. An inbound message has no ladder, so `received` and the others never change each other.
    """
    if current is MessageStatus.RECEIVED or incoming is MessageStatus.RECEIVED:
        return current
    return incoming if _RANK[incoming] > _RANK[current] else current


@dataclasses.dataclass(frozen=True, slots=True)
class StatusTimes:
    """When the message reached each rung, as far as known."""

    sent_at: datetime | None = None
    delivered_at: datetime | None = None
    read_at: datetime | None = None
    failed_at: datetime | None = None


def merge_times(times: StatusTimes, incoming: MessageStatus, at: datetime) -> StatusTimes:
    """Return the times after a report: the earliest one wins, and a rung implies every rung below it.

    What was read at ten had been delivered by ten at the latest, so the implied time counts like a reported
    one; otherwise the order of arrival would decide.
    """
    if incoming is MessageStatus.FAILED:
        return dataclasses.replace(times, failed_at=_earliest(times.failed_at, at))
    rank = _RANK.get(incoming, -1)
    if rank < _SENT_RANK:
        return times
    return StatusTimes(
        sent_at=_earliest(times.sent_at, at),
        delivered_at=_earliest(times.delivered_at, at)
        if rank >= _RANK[MessageStatus.DELIVERED]
        else times.delivered_at,
        read_at=_earliest(times.read_at, at) if rank >= _RANK[MessageStatus.READ] else times.read_at,
        failed_at=times.failed_at,
    )


def _earliest(known: datetime | None, reported: datetime) -> datetime:
    return reported if known is None else min(known, reported)
