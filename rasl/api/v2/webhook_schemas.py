"""What is said of webhooks in requests and answers."""

from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from rasl.domain.events.catalogue import CONTRACT
from rasl.domain.events.formats import FORMATS, Format
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule
from rasl.domain.webhook_endpoints import LONGEST_URL, header_problems, known_patterns
from rasl.web.responses import one_of

Url = Annotated[
    str,
    msgspec.Meta(min_length=1, max_length=LONGEST_URL, description="Where events are posted: http or https."),
]
Events = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=100)]],
    msgspec.Meta(
        min_length=1,
        max_length=100,
        description="Types of `GET /webhooks/events`, all of a noun as `contact.*`, or `*`.",
    ),
]
FormatName = Annotated[str, one_of("WebhookFormat", FORMATS)]
Description = Annotated[str, msgspec.Meta(max_length=500, description="For people.")]
Headers = Annotated[
    dict[str, str], msgspec.Meta(description="Sent along; of secret ones answers show `(hidden)` only.")
]
Rate = Annotated[
    int, msgspec.Meta(ge=1, le=10_000, description="Requests a second; null is as fast as it goes.")
]
Ordered = Annotated[
    bool,
    msgspec.Meta(
        description="Events of one contact one after the other; one that fails holds back its contact."
    ),
]
Active = Annotated[bool, msgspec.Meta(description="`false` pauses: events are kept and delivered after.")]
_STATES = ("pending", "delivered", "failed", "dropped")
_RULES: tuple[Rule, ...] = (known_patterns, header_problems)


class WebhookItem(msgspec.Struct):
    """A webhook without its secret; `disabled_at` tells that RASL gave it up, `disabled_reason` why."""

    id: int
    url: str
    events: list[str]
    format: FormatName
    description: str | None
    headers: dict[str, str]
    is_ordered: bool
    max_per_second: int | None
    is_active: bool
    paused_at: str | None
    disabled_at: str | None
    disabled_reason: Annotated[str, one_of("WebhookEnd", ("gone", "failing"))] | None
    failing_since: str | None
    created_at: str
    updated_at: str


class NewWebhook(WebhookItem):
    """A webhook with its secret, which is shown this once."""

    secret: str | UnsetType = UNSET


class RotatedWebhook(WebhookItem, kw_only=True):
    """A webhook with its new secret, which is shown this once, and how long the old one works."""

    old_secret_until: str | None
    secret: str | UnsetType = UNSET


class Attempt(msgspec.Struct):
    """One attempt: what came back, or in words why nothing did."""

    at: str
    status: int | None = None
    duration_ms: int | None = None
    response: str | None = None
    error: str | None = None


class DeliveryItem(msgspec.Struct):
    """One event on its way to one webhook."""

    id: int
    event_id: str
    event_type: str
    state: Annotated[str, one_of("WebhookDeliveryState", _STATES)]
    attempts: list[Attempt]
    next_attempt_at: str | None
    created_at: str


class Replayed(msgspec.Struct):
    """How many deliveries are made again."""

    replayed: int


class Tried(msgspec.Struct):
    """What came back for a sample."""

    event_id: str
    event_type: str
    is_taken: bool
    at: str
    status: int | None
    duration_ms: int
    response: str | None
    error: str | None


class EventKind(msgspec.Struct):
    """A type of event, when it happens, and one in each format."""

    type: str
    when: str
    is_opt_in: bool
    samples: dict[str, Any]


class CreateWebhook(Body, frozen=True):
    """A webhook to be created."""

    url: Url
    events: Events | None = None
    format: Format | None = None
    description: Description | None = None
    headers: Headers | None = None
    is_ordered: Ordered = False
    max_per_second: Rate | None = None
    is_active: Active = True
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class ChangeWebhook(Body, frozen=True):
    """What there is to change of a webhook."""

    url: Url | UnsetType = UNSET
    events: Events | UnsetType = UNSET
    format: Format | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    headers: Headers | UnsetType | None = UNSET
    is_ordered: Ordered | UnsetType = UNSET
    max_per_second: Rate | UnsetType | None = UNSET
    is_active: Active | UnsetType = UNSET
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class RotateSecret(Body, frozen=True):
    """How long the old secret works beside the new one."""

    overlap_hours: Annotated[int, msgspec.Meta(ge=0, le=720, description="0 ends the old one at once.")] = 24


class TryWebhook(Body, frozen=True):
    """Which event a sample is sent of."""

    event: Annotated[str, msgspec.Meta(max_length=100, description="A type of `GET /webhooks/events`.")] = (
        CONTRACT[0]
    )
    rules: ClassVar[tuple[Rule, ...]] = (known_patterns,)


class ReplayWebhook(Body, frozen=True):
    """Which deliveries are made again: those that failed, unless a state or a time is given."""

    since: (
        Annotated[
            str, msgspec.Meta(max_length=40, description="Created from then on, as `2027-01-31T12:00:00Z`.")
        ]
        | None
    ) = None
    state: Literal["failed", "dropped", "delivered", "all"] | None = None


EXAMPLE: dict[str, Any] = {
    "id": 7,
    "url": "https://n8n.example.com/webhook/rasl",
    "events": ["contact.*", "message.received"],
    "format": "n8n",
    "description": "Our n8n",
    "headers": {},
    "is_ordered": False,
    "max_per_second": None,
    "is_active": True,
    "paused_at": None,
    "disabled_at": None,
    "disabled_reason": None,
    "failing_since": None,
    "created_at": "2026-03-01T08:00:00+00:00",
    "updated_at": "2026-03-01T08:00:00+00:00",
}
_SECRET = {"secret": "whsec_…"}
NEW_EXAMPLE = EXAMPLE | _SECRET
ROTATED_EXAMPLE = EXAMPLE | {"old_secret_until": "2026-03-05T09:15:22+00:00"} | _SECRET
DELIVERY_EXAMPLE = {
    "id": 4711,
    "event_id": "evt_1772615722_q8Zk2m",
    "event_type": "contact.updated",
    "state": "pending",
    "attempts": [
        {
            "at": "2026-03-04T09:15:22.103+00:00",
            "status": 404,
            "duration_ms": 41,
            "response": "The workflow is not active",
            "error": "The endpoint answered 404; only 200 to 299 mean that it took the event",
        }
    ],
    "next_attempt_at": "2026-03-04T09:15:27+00:00",
    "created_at": "2026-03-04T09:15:22+00:00",
}
TRIED_EXAMPLE = {
    "event_id": "evt_1772615722_q8Zk2m",
    "event_type": "contact.created",
    "is_taken": True,
    "at": "2026-03-04T09:15:22.103+00:00",
    "status": 200,
    "duration_ms": 41,
    "response": "ok",
    "error": None,
}
