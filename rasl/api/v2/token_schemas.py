"""What is said of tokens in requests and answers."""

from typing import Annotated, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from rasl.domain.grants import known_scopes
from rasl.domain.networks import written_as_networks
from rasl.domain.scopes import ALL_SCOPES
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, where
from rasl.web.responses import one_of

Name = Annotated[str, msgspec.Meta(max_length=200, description="What the token is for.")]
Scopes = Annotated[
    list[Annotated[str, one_of("Scope", ALL_SCOPES)]],
    msgspec.Meta(min_length=1, max_length=100, description="What it may do."),
]
Rate = Annotated[int, msgspec.Meta(ge=1, le=1_000_000, description="Requests a minute.")]
Ends = Annotated[
    str, msgspec.Meta(max_length=40, description="When it ends, as `2027-01-31T12:00:00Z`; null is never.")
]
Cidrs = Annotated[
    list[Annotated[str, msgspec.Meta(max_length=100)]],
    msgspec.Meta(max_length=100, description="Networks it may be used from; none is from everywhere."),
]
_RULES: tuple[Rule, ...] = (
    known_scopes,
    written_as_networks,
    where("name", lambda name: not name.isprintable(), "must be visible characters"),
)


class TokenItem(msgspec.Struct):
    """A token without what opens the door."""

    id: int
    name: str
    last_four: str
    scopes: list[str]
    state: Annotated[str, one_of("TokenState", ("active", "expired", "revoked"))]
    rate_limit_per_minute: int
    allowed_cidrs: list[str]
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    created_at: str


class NewToken(TokenItem):
    """A token as it is shown once: `token` is kept nowhere."""

    token: str | UnsetType = UNSET


class Replaced(msgspec.Struct):
    """The token that another one takes the place of, and when it ends."""

    id: int
    expires_at: str | None


class RotatedToken(TokenItem, kw_only=True):
    """A token in the place of another."""

    replaces: Replaced
    token: str | UnsetType = UNSET


class CreateToken(Body, frozen=True):
    """A token to be created; what is left out is as it is of the token that calls."""

    name: Name
    scopes: Scopes
    rate_limit_per_minute: Rate | UnsetType = UNSET
    expires_at: Ends | UnsetType | None = UNSET
    allowed_cidrs: Cidrs | UnsetType | None = UNSET
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class ChangeToken(Body, frozen=True):
    """What there is to change of a token."""

    name: Name | UnsetType = UNSET
    scopes: Scopes | UnsetType = UNSET
    rate_limit_per_minute: Rate | UnsetType = UNSET
    expires_at: Ends | UnsetType | None = UNSET
    allowed_cidrs: Cidrs | UnsetType | None = UNSET
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class RotateToken(Body, frozen=True):
    """How long the old token works on beside the new one."""

    overlap_minutes: Annotated[
        int, msgspec.Meta(ge=0, le=525_600, description="0 ends the old one at once.")
    ] = 1440


EXAMPLE = {
    "id": 4,
    "name": "Shop",
    "last_four": "x7Qd",
    "scopes": ["messages:send", "messages:read"],
    "state": "active",
    "rate_limit_per_minute": 60,
    "allowed_cidrs": ["203.0.113.0/24"],
    "expires_at": "2027-03-04T09:15:22+00:00",
    "revoked_at": None,
    "last_used_at": "2026-03-04T09:15:20+00:00",
    "created_at": "2026-03-01T08:00:00+00:00",
}
_FRESH = EXAMPLE | {"last_used_at": None}
_SECRET = {"token": "rasl_…"}
NEW_EXAMPLE = _FRESH | _SECRET
ROTATED_EXAMPLE = (
    _FRESH | {"id": 5, "replaces": {"id": 4, "expires_at": "2026-03-05T09:15:22+00:00"}} | _SECRET
)
