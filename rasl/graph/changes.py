"""What Meta's webhooks tell us, as values: one per message, status, error or other change."""

from datetime import datetime
from typing import Any, Generic, TypeVar

import msgspec

from rasl.domain.message_status import MessageStatus
from rasl.graph.errors import GraphFailure
from rasl.graph.storable import decode


class Part(msgspec.Struct, frozen=True):
    """A field of which Meta tells something, and the value that tells it."""

    field: str
    waba_id: str
    time: object
    value: Any
    """JSON text, or its value where the body as a whole was odd."""

    def read(self) -> Any:
        """Return the value, made storable."""
        return decode(self.value) if isinstance(self.value, msgspec.Raw) else self.value

    def original(self) -> str:
        """Return a body of Meta's with this change alone, its value as it stood there."""
        change = {"value": self.value, "field": self.field}
        entry = {"id": self.waba_id, "time": self.time, "changes": [change]}
        if self.time is None:
            del entry["time"]
        body = {"object": "whatsapp_business_account", "entry": [entry]}
        return msgspec.json.encode(body).decode(errors="replace")


class InboundMessage(msgspec.Struct, frozen=True):
    """A message from a person; at least one of `sender_phone` and `sender_bsuid` is there."""

    phone_number_id: str
    waba_id: str
    wamid: str
    sender_phone: str | None
    sender_bsuid: str | None
    parent_bsuid: str | None
    profile_name: str | None
    username: str | None
    timestamp: datetime | None
    type: str
    text: str
    payload: dict[str, Any]
    context_wamid: str | None
    group_id: str | None  # None when it was written to us alone


class StatusChange(msgspec.Struct, frozen=True):
    """A report about a message of ours; `opaque` is the id that we sent along."""

    phone_number_id: str
    waba_id: str
    wamid: str
    status: MessageStatus
    timestamp: datetime | None
    recipient_wa_id: str | None
    recipient_bsuid: str | None
    participant: str | None
    opaque: str | None
    errors: tuple[GraphFailure, ...]
    pricing: dict[str, Any] | None
    conversation: dict[str, Any] | None


class AccountFailure(msgspec.Struct, frozen=True):
    """An error of a number that belongs to no message, such as throttling."""

    phone_number_id: str
    waba_id: str
    failure: GraphFailure


class OtherChange(msgspec.Struct, frozen=True):
    """What is kept as Meta told it: any other field, and what `messages` holds besides what we know."""

    field: str
    phone_number_id: str | None
    waba_id: str
    value: Any
    happened_at: datetime | None = None


class Malformed(msgspec.Struct, frozen=True):
    """A part that cannot be attributed or read; its neighbours are not affected."""

    reason: str
    raw: Any


Change = InboundMessage | StatusChange | AccountFailure | OtherChange | Malformed
_C_co = TypeVar("_C_co", bound=Change, covariant=True)


class Arrived(msgspec.Struct, Generic[_C_co], frozen=True):
    """A change with the delivery that brought it, the Meta app that posted it and the moment it came."""

    change: _C_co
    app_id: int
    ingest_id: int
    received_at: datetime
    part: Part | None = None  # that it was found in


class Refused(msgspec.Struct, frozen=True):
    """A change that was not applied: a reason sets it aside at once, an error has its delivery tried again."""

    arrived: Arrived[Change]
    reason: str | Exception
