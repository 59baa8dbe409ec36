"""What is sent by whom to whom, checked and ready to be committed."""

import msgspec

from rasl.db import recipients
from rasl.domain.message_types.base import Content
from rasl.domain.phone import Phone
from rasl.domain.tenants import Number, Tenant
from rasl.services.contacts.profiles import NewProfile
from rasl.services.otp.intents import NewOtp


class HeldKey(msgspec.Struct, frozen=True):
    """An Idempotency-Key this request holds; `message_id` is what an earlier holder, now dead, had stored."""

    key: str
    fence: int
    message_id: int | None = None


class Reply(msgspec.Struct, frozen=True):
    """The message that is quoted, and the conversation and the number of ours it belongs to."""

    wamid: str
    conversation_id: int
    number_id: int


class Draft(msgspec.Struct, frozen=True):
    """A validated wish to send; `phone` or `contact_id` names the recipient, or both."""

    tenant: Tenant
    number: Number
    content: Content
    phone: Phone | None
    contact_id: int | None
    request_id: str
    is_async: bool = False  # leave it to the worker
    reply: Reply | None = None
    conversation_id: int | None = None  # the message is about this one and may go nowhere else
    fallback: Content | None = None  # goes out instead where the service window is closed
    held_key: HeldKey | None = None
    otp: NewOtp | None = None
    profile: NewProfile | None = None  # of a recipient who is no contact yet

    def address(self) -> recipients.Address:
        """Return how the recipient is looked up."""
        match_key = self.phone.match_key if self.phone else None
        return recipients.Address(
            self.tenant.id, self.number.id, self.contact_id, match_key, self.phone is not None
        )
