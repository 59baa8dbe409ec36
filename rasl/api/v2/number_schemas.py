"""What is said of WhatsApp numbers in requests and answers."""

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, where
from rasl.web.responses import mostly_one_of, one_of

MetaId = Annotated[str, msgspec.Meta(max_length=32, pattern=r"^[0-9]+(?![\s\S])")]
Secret = Annotated[str, msgspec.Meta(max_length=2048)]


def _is_no_secret(text: str) -> bool:
    return not text.isascii() or not text.isprintable() or " " in text


_VISIBLE = "must be visible characters without blanks"
_SECRETS = ("access_token", "app_secret", "verify_token")


class NumberItem(msgspec.Struct):
    """A WhatsApp number, as it is stored and as Meta last told of it."""

    id: int
    phone_number_id: str
    waba_id: str
    display_phone_number: str | None
    verified_name: str | None
    state: Annotated[str, one_of("NumberState", ("connected", "disconnected"))]
    is_default: bool
    quality_rating: (
        Annotated[str, mostly_one_of("NumberQuality", ("GREEN", "YELLOW", "RED", "UNKNOWN"))] | None
    )
    meta_status: str | None
    messaging_limit: str | None
    messages_per_second: int
    last_webhook_at: str | None
    created_at: str
    disconnected_at: str | None


class ConnectedNumber(NumberItem):
    """A number that was connected, with what to enter at Meta."""

    callback_url: str
    fields: list[str]
    is_subscribed: bool
    is_app_subscribed: bool
    to_do: list[str]


class ConnectNumber(Body, frozen=True):
    """A number with the secrets it needs, as they come from Meta's pages."""

    waba_id: MetaId
    phone_number_id: MetaId
    access_token: Annotated[Secret, msgspec.Meta(description="Of a system user.")]
    app_secret: Annotated[Secret, msgspec.Meta(description="Of the Meta app, which signs its webhooks.")]
    verify_token: Annotated[Secret, msgspec.Meta(description="A word of your choice, repeated at Meta.")]
    app_id: (
        Annotated[
            MetaId,
            msgspec.Meta(description="With it the token's permissions are checked, and the app calls us."),
        ]
        | None
    ) = None
    subscribe: Annotated[bool, msgspec.Meta(description="Let Meta post to us.")] = True
    rules: ClassVar[tuple[Rule, ...]] = tuple(where(name, _is_no_secret, _VISIBLE) for name in _SECRETS)


class ChangeNumber(Body, frozen=True):
    """What there is to change of a number."""

    access_token: Secret | UnsetType = UNSET
    is_default: Literal[True] | UnsetType = UNSET
    rules: ClassVar[tuple[Rule, ...]] = (where("access_token", _is_no_secret, _VISIBLE),)


EXAMPLE = {
    "id": 1,
    "phone_number_id": "106540352242922",
    "waba_id": "102290129340398",
    "display_phone_number": "+1 555 078 3881",
    "verified_name": "Harbour Books",
    "state": "connected",
    "is_default": True,
    "quality_rating": "GREEN",
    "meta_status": "CONNECTED",
    "messaging_limit": "TIER_2K",
    "messages_per_second": 80,
    "last_webhook_at": "2026-03-04T09:15:20+00:00",
    "created_at": "2026-03-01T08:00:00+00:00",
    "disconnected_at": None,
}
# The simulated Meta of the sandbox has this one, for readers to connect.
CONNECT_EXAMPLE = {
    "waba_id": "102290129340399",
    "phone_number_id": "106540352242923",
    "access_token": "EAABsbCS1iHg",
    "app_secret": "5f1c0a9e7d",
    "verify_token": "a-word-of-yours",
}
CONNECTED_EXAMPLE = EXAMPLE | {
    "last_webhook_at": None,
    "callback_url": "https://rasl.example.com/webhooks/whatsapp/5uDf…",
    "fields": ["messages", "message_template_status_update"],
    "is_subscribed": True,
    "is_app_subscribed": True,
    "to_do": [],
}
