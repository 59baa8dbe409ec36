"""The values that travel with every request: tenant, its sending number, its plan, the caller."""

import datetime as dt
from collections.abc import Mapping

import msgspec

from rasl.domain.subscription import NO_SUBSCRIPTION, Subscription
from rasl.domain.tenant_settings import FallbackTemplate


class Plan(msgspec.Struct, frozen=True):
    """What a tenant may have: limits, -1 unlimited and None not configured; and switches.

    Each is a column of `plans` that has its name. A limit is the tenant's own where it was given one.
    """

    name: str
    max_contacts: int
    max_conversations: int
    max_campaigns: int | None = -1
    max_staff: int | None = -1
    max_api_calls_per_minute: int | None = -1
    whatsapp_templates: bool = True
    bulk_messaging: bool = True
    chatbot: bool = True
    advanced_analytics: bool = True
    custom_branding: bool = True


_LIMIT = "max_"
PLAN_LIMITS = tuple(name for name in Plan.__struct_fields__ if name.startswith(_LIMIT))
PLAN_SWITCHES = Plan.__struct_fields__[1 + len(PLAN_LIMITS) :]
# What limits are called, which is what they count.
LIMIT_NAMES = tuple(name.removeprefix(_LIMIT) for name in PLAN_LIMITS)
# These are counted by sends and contacts, which take a number.
ALWAYS_CONFIGURED = ("contacts", "conversations")
STATUSES = ("active", "suspended")
DELETING = "deleting"  # the status of one that is on its way out, which nobody chooses or takes back


class Number(msgspec.Struct, frozen=True):
    """A connected WhatsApp number; the access token is in the clear only in memory."""

    id: int
    phone_number_id: str
    display_phone_number: str | None
    access_token: str
    messages_per_second: int
    waba_id: str = ""

    def __repr__(self) -> str:
        """Never show the access token."""
        return f"Number(id={self.id}, phone_number_id={self.phone_number_id!r})"


class Tenant(msgspec.Struct, frozen=True):
    """A customer account with its sending defaults."""

    id: int
    plan: Plan
    default_country: str | None
    default_type: str
    default_status_id: int | None
    default_source_id: int | None
    default_assigned_id: int | None
    window_policy: str
    unknown_policy: str
    number: Number | None
    otp_budgets: Mapping[str, int] = {}  # those that are not the server's
    otp_max_attempts: int | None = None
    otp_return_generated_code: bool = False  # answers show the codes that are made here
    time_zone: str = "UTC"  # by whose calendar its months begin
    subscription: Subscription = NO_SUBSCRIPTION
    fallback_template: FallbackTemplate | None = None  # of sends that name none, outside the service window

    def missing_defaults(self) -> list[str]:
        """Name the settings without which no contact can be created by sending."""
        return [name for name in ("default_status_id", "default_source_id") if getattr(self, name) is None]


class Caller(msgspec.Struct, frozen=True):
    """Who calls the API: a token of one tenant."""

    tenant: Tenant
    token_id: int
    scopes: frozenset[str]
    rate_limit_per_minute: int
    token_name: str = ""
    expires_at: dt.datetime | None = None
    allowed_cidrs: tuple[str, ...] = ()  # networks it may be used from; none is from everywhere
