"""What an attempt works on, the same whether a request or the worker makes it."""

import datetime as dt

import msgspec

from rasl.db.pool import Row
from rasl.db.unsent import Unsent
from rasl.domain import backoff, message_types
from rasl.domain.message_types.base import Content
from rasl.domain.tenants import Number
from rasl.graph.errors import GraphFailure
from rasl.services.sending.lanes import LANE_OTP


class Message(msgspec.Struct, frozen=True):
    """A stored message; `reply_to` is the wamid of the one that it quotes."""

    tenant_id: int
    id: int
    conversation_id: int
    peer: str
    content: Content
    created_at: dt.datetime
    reply_to: str | None


def read_message(row: Row) -> Message:
    """Read a stored message; raises UnknownTypeError for one that a newer program stored."""
    return Message(
        tenant_id=row["tenant_id"],
        id=row["id"],
        conversation_id=row["conversation_id"],
        peer=row["peer"],
        content=message_types.load(row["type"], row["text"], row["content"]),
        created_at=row["created_at"],
        reply_to=row["reply_to"],
    )


class Accepted(Message, frozen=True):
    """A message that was committed just now; `is_leased` says that the caller must attempt it."""

    contact_id: int
    is_leased: bool


class Work(msgspec.Struct, frozen=True):
    """A leased message, ready to be attempted."""

    message: Message
    number: Number
    lane: int
    is_resent: bool  # when nobody knows whether Meta took it; left alone otherwise
    fence: int = 1
    attempt: int = 1
    is_request: bool = False  # somebody waits for the answer
    is_ambiguous: bool = False  # an earlier attempt may have been taken

    @property
    def is_first(self) -> bool:
        """Whether it goes before everything else."""
        return self.lane == LANE_OTP

    @property
    def most_age(self) -> dt.timedelta:
        """Return the age at which it is given up."""
        valid_for = self.message.content.valid_for()
        return backoff.MAX_AGE if valid_for is None else min(backoff.MAX_AGE, valid_for)

    def is_too_late(self, now: dt.datetime) -> bool:
        """Tell whether the code is no good any more; one that is erased already is not."""
        message = self.message
        return message.content.sealed() is None or now - message.created_at >= self.most_age

    def unsent(self, seconds: float = 0.0, request_id: str | None = None, xid: str | None = None) -> Unsent:
        """Return it as something that goes back to the queue, because Meta was not called."""
        message = self.message
        return Unsent(
            message.tenant_id,
            message.id,
            self.number.id,
            self.lane,
            self.fence,
            self.attempt,
            seconds,
            request_id,
            xid,
        )


class Attempted(msgspec.Struct, frozen=True):
    """What one attempt led to: the message's new status and, as far as known, why."""

    status: str
    wamid: str | None = None
    failure: GraphFailure | None = None
    reason: str | None = None
    retry_seconds: float | None = None


class NotGivenError(Exception):
    """Something failed before WhatsApp was called: it has not heard of this attempt."""

    def __init__(self, reason: BaseException) -> None:
        super().__init__(type(reason).__name__)
        self.reason = reason


class LeaseLostError(Exception):
    """Somebody else took the message over, and sends it."""
