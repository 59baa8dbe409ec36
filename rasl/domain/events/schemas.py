"""What events tell of what they are about: `attributes`, by noun."""

from typing import Any

import msgspec

from rasl.domain.records import shows
from rasl.domain.records.contact import Contact


class Named(msgspec.Struct):
    """Something that has a name."""

    id: int
    name: str


@shows(Contact)
class EventContact(msgspec.Struct):
    """A contact, as `GET /contacts/{contact_id}` shows it."""

    phone: str | None
    group_id: list[int]
    attributes: dict[str, str | bool | float]


class ContactRelationships(msgspec.Struct):
    """What a contact refers to."""

    status: Named | None
    source: Named | None
    groups: list[Named]


class EventLabel(Named):
    """A source or a group, as reading it shows it."""

    created_at: str
    updated_at: str


class EventStatus(EventLabel):
    """A status of contacts, as reading it shows it."""

    color: str | None


class EventMessage(msgspec.Struct):
    """A message, as `GET /messages/{message_id}` shows it, with the phone or user id of the person."""

    id: int
    interaction_id: int | None
    sender_id: str | None
    phone: str | None
    type: str | None
    message: str | None
    status: str
    message_id: str | None
    sent_at: str
    is_read: bool
    direction: str
    created_at: str
    updated_at: str
    status_message: str | None
    ref_message_id: str | None
    error_code: int | None
    is_ambiguous: bool
    contact_id: int | None
    delivered_at: str | None
    read_at: str | None
    failed_at: str | None
    request_id: str | None


class EventConversation(msgspec.Struct):
    """A conversation in which the service window is open until then."""

    interaction_id: int
    contact_id: int | None
    phone_number_id: str
    window_expires_at: str


class EventConsent(msgspec.Struct):
    """What somebody wishes: to be written to, or not."""

    contact_id: int
    phone: str | None
    is_opted_out: bool
    changed_at: str | None


class EventTemplate(msgspec.Struct):
    """A template, as it stands at Meta."""

    id: int
    template_id: str
    name: str
    language: str
    waba_id: str
    category: str
    previous_category: str | None
    correct_category: str | None
    status: str
    rejected_reason: str | None
    status_details: str | None
    quality: str | None
    body_data: str


class EventNumber(msgspec.Struct):
    """A WhatsApp number of the account."""

    id: int
    phone_number_id: str
    waba_id: str
    display_phone_number: str | None
    verified_name: str | None
    state: str
    quality_rating: str | None
    meta_status: str | None
    messaging_limit: str | None


class EventOtpMessage(msgspec.Struct):
    """The message with a code: its id, WhatsApp's, and what became of it."""

    id: int | None
    message_id: str | None
    status: str | None
    error_code: int | None
    reason: str | None


class EventOtp(msgspec.Struct):
    """A one-time password, never with its code."""

    otp_id: str
    phone: str
    purpose: str
    template_name: str
    language: str
    expires_at: str
    message: EventOtpMessage


class EventOtpVerified(msgspec.Struct):
    """A one-time password that was entered."""

    otp_id: str
    phone: str
    purpose: str
    verified_at: str
    wrong_attempts: int


class EventOtpBlocked(msgspec.Struct):
    """A budget that is used up, and whom it kept from getting a code."""

    reason: str
    subject: str | None
    budget: int
    period: str
    retry_after: int
    phone: str
    purpose: str
    country: str | None
    prefix: str | None


class EventOtpAlarm(msgspec.Struct):
    """How few of the codes that were sent to a prefix in an hour were entered."""

    prefix: str
    country: str | None
    sent: int
    verified: int
    hour: str


class EventChallengeMessage(msgspec.Struct):
    """The message in which a code came."""

    id: int


class EventChallenge(msgspec.Struct):
    """A code that a person sent us from WhatsApp."""

    challenge_id: str
    purpose: str
    phone: str
    contact_id: int | None
    message: EventChallengeMessage
    verified_at: str


class EventWebhook(msgspec.Struct):
    """An endpoint that is told nothing any more, why, and what to do."""

    webhook_id: int
    url: str
    reason: str
    cure: str
    disabled_at: str


class EventOther(msgspec.Struct):
    """Something that Meta posted: the field it came in, and what Meta said, as it stood there."""

    field: str
    waba_id: str | None
    phone_number_id: str | None
    value: Any


class EventInfo(msgspec.Struct):
    """Which event: an id that every attempt repeats, and its type."""

    id: str
    type: str
    timestamp: str
    version: str


class EventAccount(msgspec.Struct):
    """Whose event; `domain` is the subdomain."""

    id: int
    name: str
    domain: str


class EventResource(msgspec.Struct):
    """What it is about."""

    type: str
    id: int | str | None
    attributes: dict[str, Any]


class EventData(msgspec.Struct):
    """What it is about, and what that refers to."""

    resource: EventResource
    relationships: dict[str, Any]


class EventChanges(msgspec.Struct):
    """What became otherwise; of what is created or deleted, all of it."""

    previous: dict[str, Any] | None
    current: dict[str, Any]
    modified_fields: list[str] | None


class EventMetadata(msgspec.Struct):
    """Where it comes from, and the request that caused it."""

    source: str
    environment: str
    request_id: str


class EventEnvelope(msgspec.Struct):
    """An event in the format `n8n`."""

    event: EventInfo
    tenant: EventAccount
    data: EventData
    changes: EventChanges
    metadata: EventMetadata
