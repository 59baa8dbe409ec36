"""The catalogue of public events: what makes each type happen, what it tells, and one of each.

The documentation, the OpenAPI document and what people tick derive from it.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from rasl.domain.events import Event, schemas
from rasl.domain.records import example_of
from rasl.domain.records.contact import Contact

_THEN, _NOW = "2026-02-11T08:00:00+00:00", "2026-03-04T09:15:22+00:00"
_REQUEST_ID = "5f0c1d7e-2b7a-4c1d-8a55-0c8a7e1f3b90"


class Kind(msgspec.Struct, frozen=True):
    """A type of event; the nine of the contract are told unless somebody asks for others."""

    name: str
    when: str
    shape: type[msgspec.Struct]  # of `data.resource.attributes`
    sample: Event
    is_opt_in: bool = True

    @property
    def noun(self) -> str:
        """Return what it is about."""
        return self.name.partition(".")[0]


_CONTACT = example_of(Contact)
_RELATIONSHIPS = {
    "status": {"id": 2, "name": "Won"},
    "source": {"id": 5, "name": "Website"},
    "groups": [{"id": 3, "name": "Readers"}],
}
_LABEL = {"created_at": _THEN, "updated_at": _NOW}
_LABELS: Mapping[str, tuple[type[msgspec.Struct], dict[str, Any], str]] = {
    "source": (schemas.EventLabel, {"id": 5, "name": "Website", **_LABEL}, "Web"),
    "status": (schemas.EventStatus, {"id": 2, "name": "Won", "color": "#10B981", **_LABEL}, "Closed"),
    "group": (schemas.EventLabel, {"id": 3, "name": "Readers", **_LABEL}, "Reader"),
}
_MESSAGE: dict[str, Any] = dict.fromkeys(schemas.EventMessage.__struct_fields__) | {
    "id": 9031,
    "interaction_id": 77,
    "sender_id": "442079460000",
    "phone": "442079460011",
    "type": "text",
    "message": "Hi Priya, your parcel is ready.",
    "message_id": "wamid.HBgMNDQyMDc5NDYwMDExFQIAERgS",
    "sent_at": _NOW,
    "is_read": False,
    "direction": "outbound",
    "created_at": _NOW,
    "updated_at": _NOW,
    "is_ambiguous": False,
    "contact_id": 812,
    "request_id": _REQUEST_ID,
}
_ORIGINAL = (
    '{"object":"whatsapp_business_account","entry":[{"id":"102290129340398",'
    '"changes":[{"field":"%s","value":%s}]}]}'
)
_IN_MESSAGES = (
    '{"messaging_product":"whatsapp","metadata":{"display_phone_number":"442079460000",'
    '"phone_number_id":"106540352242922"},"%s":[%s]}'
)
_POSTED = _ORIGINAL % ("messages", _IN_MESSAGES)
_TEXT = (
    '{"from":"442079460011","id":"wamid.HBgM","timestamp":"1772615722","type":"text","text":{"body":"Hello"}}'
)
_TEMPLATE: dict[str, Any] = dict.fromkeys(schemas.EventTemplate.__struct_fields__) | {
    "id": 41,
    "template_id": "594425479261596",
    "name": "order_ready",
    "language": "en",
    "waba_id": "102290129340398",
    "category": "UTILITY",
    "status": "APPROVED",
    "quality": "GREEN",
    "body_data": "Hi {{1}}, your order is ready.",
}
_NUMBER: dict[str, Any] = {
    "id": 1,
    "phone_number_id": "106540352242922",
    "waba_id": "102290129340398",
    "display_phone_number": "+44 20 7946 0000",
    "verified_name": "Harbour Books",
    "state": "connected",
    "quality_rating": "GREEN",
    "meta_status": "CONNECTED",
    "messaging_limit": "TIER_1K",
}
_OTP: dict[str, Any] = {
    "otp_id": "0b51c8de-6a0e-4f0f-9d6c-2f1d8ad0a7b4",
    "phone": "442079460011",
    "purpose": "login",
    "template_name": "login_code",
    "language": "en",
    "expires_at": "2026-03-04T09:25:22+00:00",
}
_CODE = {"id": 9032, "message_id": "wamid.HBgN", "status": "sent", "error_code": None, "reason": None}


def _changes(
    noun: str, shape: type[msgspec.Struct], record: dict[str, Any], was: dict[str, Any]
) -> list[Kind]:
    """Return the three types of a record that is created, changed and deleted."""
    related = _RELATIONSHIPS if noun == "contact" else {}
    is_opt_in = noun == "group"
    whens = {
        "created": f"A {noun} is there that was not, whoever made it: a caller, an import, a message.",
        "updated": f"Something of a {noun} is otherwise than before; of a change that changes nothing no one is told.",
        "deleted": f"A {noun} is gone for good, also when two turned out to be one.",
    }
    return [
        Kind(
            f"{noun}.{action}",
            when if noun == "contact" else when.partition(",")[0].partition(";")[0].rstrip(".") + ".",
            shape,
            Event(
                type=f"{noun}.{action}",
                id=record["id"],
                attributes=record,
                previous=was if action == "updated" else None,
                relationships=related,
            ),
            is_opt_in,
        )
        for action, when in whens.items()
    ]


def _kind(
    type_: str,
    when: str,
    shape: type[msgspec.Struct],
    id_: int | str | None,
    attributes: dict[str, Any],
    previous: dict[str, Any] | None = None,
    original: str | None = None,
) -> Kind:
    event = Event(type=type_, id=id_, attributes=attributes, previous=previous, original=original)
    return Kind(type_, when, shape, event)


def _message(status: str, when: str, **given: Any) -> Kind:
    posted = (
        _POSTED % ("statuses", f'{{"id":"wamid.HBgM","status":"{status}"}}')
        if status in {"delivered", "read", "played"}
        else None
    )
    original = given.pop("original", posted)
    attributes = _MESSAGE | {"status": status} | given
    return _kind(f"message.{status}", when, schemas.EventMessage, 9031, attributes, None, original)


def _template(action: str, when: str, given: dict[str, Any], previous: dict[str, Any] | None) -> Kind:
    told = _TEMPLATE | given
    return _kind(f"template.{action}", when, schemas.EventTemplate, 41, told, previous)


_PENDING = {"status": "PENDING"}
_APPROVED = {"status": "APPROVED"}
_KINDS: tuple[Kind, ...] = (
    *_changes("contact", schemas.EventContact, _CONTACT | {"type": "customer"}, {"type": "lead"}),
    *(
        kind
        for noun, (shape, record, was) in _LABELS.items()
        for kind in _changes(noun, shape, record, {"name": was})
    ),
    _message(
        "received",
        "A person wrote to one of the numbers.",
        direction="inbound",
        sender_id="442079460011",
        message="Hello",
        request_id=None,
        original=_POSTED % ("messages", _TEXT),
    ),
    _message("sent", "WhatsApp took a message."),
    _message("delivered", "A message is on the phone.", delivered_at=_NOW),
    _message("read", "A message was read.", is_read=True, read_at=_NOW),
    _message(
        "played", "A voice message was listened to.", is_read=True, read_at=_NOW, type="audio", message=None
    ),
    _message(
        "failed",
        "A message was refused, could not be delivered, or was given up.",
        message_id=None,
        failed_at=_NOW,
        error_code=131026,
        status_message="Message undeliverable",
    ),
    _message(
        "unknown",
        "Nobody knows whether WhatsApp took a message: it did not answer. What it tells later settles it.",
        message_id=None,
        is_ambiguous=True,
    ),
    _kind(
        "conversation.opened",
        "A person wrote where no service window was open: for 24 hours they may be written to freely.",
        schemas.EventConversation,
        77,
        {
            "interaction_id": 77,
            "contact_id": 812,
            "phone_number_id": "106540352242922",
            "window_expires_at": "2026-03-05T09:15:22+00:00",
        },
    ),
    *(
        _kind(
            f"consent.{word}",
            when,
            schemas.EventConsent,
            812,
            {"contact_id": 812, "phone": "+442079460011", "is_opted_out": is_out, "changed_at": _NOW},
        )
        for word, is_out, when in (
            ("withdrawn", True, "A person said STOP: nothing is sent to them any more."),
            ("given", False, "A person who had said STOP said START."),
        )
    ),
    _template("created", "A template is there that was not.", _PENDING, None),
    _template("approved", "A template may be sent, for the first time or again.", {}, _PENDING),
    _template(
        "rejected",
        "Meta rejected a template.",
        {"status": "REJECTED", "rejected_reason": "INVALID_FORMAT"},
        _PENDING,
    ),
    _template("paused", "Meta paused a template because of its quality.", {"status": "PAUSED"}, _APPROVED),
    _template("disabled", "Meta disabled a template.", {"status": "DISABLED"}, _APPROVED),
    _template("status", "A template has another status than those above.", _PENDING, _APPROVED),
    _template(
        "quality", "The quality of a template is another.", {"quality": "YELLOW"}, {"quality": "GREEN"}
    ),
    _template(
        "category",
        "Meta moved a template to another category, or means to.",
        {"category": "MARKETING", "previous_category": "UTILITY"},
        {"category": "UTILITY", "previous_category": None},
    ),
    _template("updated", "What a template says is otherwise.", {}, {"body_data": "Hi {{1}}."}),
    _template("deleted", "A template is gone at Meta.", {}, None),
    *(
        _kind(f"number.{action}", when, schemas.EventNumber, 1, _NUMBER | given, previous)
        for action, when, given, previous in (
            (
                "quality",
                "The quality of a number is another.",
                {"quality_rating": "YELLOW"},
                {"quality_rating": "GREEN"},
            ),
            (
                "limit",
                "A number may open more conversations in a day, or fewer.",
                {"messaging_limit": "TIER_10K"},
                {"messaging_limit": "TIER_1K"},
            ),
            (
                "state",
                "A number is connected or disconnected, or has another status at Meta.",
                {"state": "disconnected"},
                {"state": "connected"},
            ),
            ("name", "A number has another verified name.", {}, {"verified_name": "Harbour"}),
        )
    ),
    *(
        _kind(
            f"otp.{word}",
            when,
            schemas.EventOtp,
            _OTP["otp_id"],
            _OTP | {"message": _CODE | {"status": status}},
        )
        for word, status, when in (
            ("sent", "sent", "WhatsApp took the message with the code."),
            ("delivered", "delivered", "The message with the code is on the phone."),
            (
                "failed",
                "failed",
                "The message with the code was refused, could not be delivered, or expired before it could be sent.",
            ),
        )
    ),
    _kind(
        "otp.verified",
        "The right code was entered.",
        schemas.EventOtpVerified,
        _OTP["otp_id"],
        {name: _OTP[name] for name in ("otp_id", "phone", "purpose")}
        | {"verified_at": _NOW, "wrong_attempts": 0},
    ),
    _kind(
        "otp.blocked",
        "A budget against pumping is used up; once per budget and period.",
        schemas.EventOtpBlocked,
        None,
        {
            "reason": "phone_budget_per_hour",
            "subject": "442079460011",
            "budget": 5,
            "period": "hour",
            "retry_after": 1800,
            "phone": "442079460011",
            "purpose": "login",
            "country": "GB",
            "prefix": "442079",
        },
    ),
    _kind(
        "otp.alarm",
        "Too few of the codes sent to a prefix were entered, which is what pumping looks like; once an hour.",
        schemas.EventOtpAlarm,
        None,
        {"prefix": "442079", "country": "GB", "sent": 60, "verified": 1, "hour": "2026-03-04T09:00:00+00:00"},
    ),
    _kind(
        "challenge.verified",
        "A user has sent the code from WhatsApp.",
        schemas.EventChallenge,
        "7d4f4b0a-6d9e-4a7f-9f43-5c1b0f6f3c11",
        {
            "challenge_id": "7d4f4b0a-6d9e-4a7f-9f43-5c1b0f6f3c11",
            "purpose": "login",
            "phone": "442079460011",
            "contact_id": 812,
            "message": {"id": 9030},
            "verified_at": _NOW,
        },
    ),
    _kind(
        "webhook.disabled",
        "An endpoint failed for five days, or said that it is gone: it is told nothing any more.",
        schemas.EventWebhook,
        7,
        {
            "webhook_id": 7,
            "url": "https://n8n.harbour.test/webhook/rasl",
            "reason": "Every delivery failed for five days; the last answer was 500.",
            "cure": "Mend the endpoint and make it active again; what failed can be replayed.",
            "disabled_at": _NOW,
        },
    ),
    _kind(
        "whatsapp.other",
        "Meta posted something that no other event tells: of an account, a payment, a flow.",
        schemas.EventOther,
        None,
        {
            "field": "account_update",
            "waba_id": "102290129340398",
            "phone_number_id": None,
            "value": {"event": "VERIFIED_ACCOUNT"},
        },
        None,
        _ORIGINAL % ("account_update", '{"event":"VERIFIED_ACCOUNT"}'),
    ),
)
CATALOGUE: Mapping[str, Kind] = {kind.name: kind for kind in _KINDS}
CONTRACT = tuple(kind.name for kind in _KINDS if not kind.is_opt_in)
"""The nine events of the contract: what an endpoint is told that names none."""
NOUNS = tuple(dict.fromkeys(kind.noun for kind in _KINDS))


def is_pattern(text: str) -> bool:
    """Tell whether a text names an event, all of a noun (`contact.*`), or everything (`*`)."""
    return text in CATALOGUE or text == "*" or (text.endswith(".*") and text[:-2] in NOUNS)
