"""What is said of tenants in requests and answers of the operator API."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import UNSET, UnsetType

from rasl.api.v2.settings import EXAMPLE as SETTINGS_EXAMPLE
from rasl.api.v2.settings import SettingsItem
from rasl.db.pool import Row
from rasl.domain import subscription, tenant_settings
from rasl.domain.tenant_settings import ChangeSettings
from rasl.domain.tenants import DELETING, LIMIT_NAMES, STATUSES
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, values_at, where
from rasl.services.operators.plans import read_moment
from rasl.services.operators.provisioning import Provisioned
from rasl.services.operators.tenants import SUBDOMAIN, SUBDOMAIN_RULE, OperatorError
from rasl.web.context import iso
from rasl.web.responses import one_of

Own = Annotated[int, msgspec.Meta(ge=-1, le=10**12)] | UnsetType | None
Rate = Annotated[int, msgspec.Meta(ge=-1, le=10**6)] | UnsetType | None
Budget = Annotated[int, msgspec.Meta(ge=0, le=10**9)] | UnsetType | None
Name = Annotated[str, msgspec.Meta(max_length=200, description="What people call the tenant.")]
PlanName = Annotated[
    str, msgspec.Meta(max_length=63, description="The plan's name; of a new tenant unlimited.")
]
Subdomain = Annotated[
    str, msgspec.Meta(max_length=63, description=f"{SUBDOMAIN_RULE[0].upper()}{SUBDOMAIN_RULE[1:]}.")
]


class LimitOverrides(Body, frozen=True):
    """Limits in place of the plan's: -1 is unlimited, null the plan's again."""

    contacts: Own = UNSET
    conversations: Own = UNSET
    campaigns: Own = UNSET
    staff: Own = UNSET
    api_calls_per_minute: Rate = UNSET


class OtpBudgets(Body, frozen=True):
    """Budgets of one-time passwords in place of the server's: 0 is no limit, null the server's again."""

    phone_per_hour: Budget = UNSET
    phone_per_day: Budget = UNSET
    prefix_per_hour: Budget = UNSET
    prefix_per_day: Budget = UNSET
    country_per_hour: Budget = UNSET
    country_per_day: Budget = UNSET
    tenant_per_hour: Budget = UNSET
    tenant_per_day: Budget = UNSET


def some_calls(pattern: str) -> Rule:
    """Refuse a limit of no calls at all, which would lock a tenant out."""

    def check(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        for path, value in values_at(data, pattern):
            if value == 0:
                yield path, f"The {path} field must be at least 1, or -1 for unlimited"

    return check


def _period_end(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    given = data.get("subscription_ends_at")
    if isinstance(given, str):
        try:
            read_moment(given)
        except OperatorError:
            told = "must be a day or a moment, such as 2026-12-31 or 2026-12-31T18:00:00+01:00"
            yield "subscription_ends_at", f"The subscription_ends_at field {told}"


_RULES: tuple[Rule, ...] = (
    *ChangeSettings.rules,
    some_calls("limit_overrides.api_calls_per_minute"),
    _period_end,
    where("name", lambda name: not name.isprintable(), "must be visible characters"),
)


class ChangeTenant(ChangeSettings, frozen=True):
    """What to change of a tenant: what operators decide, and its settings; what is left out stays."""

    name: Name | UnsetType = UNSET
    plan: PlanName | UnsetType = UNSET
    subscription_status: (
        Annotated[
            str,
            msgspec.Meta(
                pattern=f"^({'|'.join(subscription.STATUSES)})$", description="Null: nobody bills it."
            ),
        ]
        | UnsetType
        | None
    ) = UNSET
    subscription_ends_at: (
        Annotated[str, msgspec.Meta(max_length=40, description="End of what is paid for.")] | UnsetType | None
    ) = UNSET
    limit_overrides: LimitOverrides | UnsetType | None = UNSET
    otp_budgets: OtpBudgets | UnsetType | None = UNSET
    otp_max_attempts: Annotated[int, msgspec.Meta(ge=1, le=20)] | UnsetType | None = UNSET
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class PutTenant(ChangeTenant, frozen=True, kw_only=True):
    """A tenant as it is to be; what is left out stays, or is as usual where it is new."""

    name: Name


class CreateTenant(PutTenant, frozen=True, kw_only=True):
    """A tenant to be created."""

    subdomain: Subdomain
    rules: ClassVar[tuple[Rule, ...]] = (
        *_RULES,
        where("subdomain", lambda text: not SUBDOMAIN.fullmatch(text), f"must be {SUBDOMAIN_RULE}"),
    )


class Limits(msgspec.Struct):
    """What a tenant may have: its own limit, else its plan's; -1 is unlimited, null not configured."""

    contacts: int
    conversations: int
    campaigns: int | None
    staff: int | None
    api_calls_per_minute: int | None


class TenantItem(SettingsItem):
    """A tenant: what operators decide, and its settings."""

    id: int
    subdomain: str
    name: str
    status: Annotated[str, one_of("TenantStatus", (*STATUSES, DELETING))]
    plan: str
    subscription_status: Annotated[str, one_of("SubscriptionStatus", subscription.STATUSES)] | None
    subscription_ends_at: str | None
    limits: Limits
    limit_overrides: dict[str, int]
    otp_budgets: dict[str, int]
    otp_max_attempts: int | None
    numbers: int
    created_at: str


class Used(msgspec.Struct):
    """What a tenant uses now; conversations are those of its month."""

    contacts: int
    conversations: int
    campaigns: int
    staff: int


class ExceededLimit(msgspec.Struct):
    """A limit that is below what is in use: the tenant keeps all of it, and gets no more."""

    tenant: str
    limit: str
    current: int
    maximum: int


class TenantDetail(TenantItem):
    """A tenant with what it uses, and which of its limits are below that."""

    usage: Used
    exceeded: list[ExceededLimit]


class DeletedTenant(TenantDetail):
    """A tenant on its way out; `export` is the archive on the server that its data was written to."""

    export: str | None


def tenant_item(row: Row) -> TenantItem:
    """Return a tenant of a list."""
    return msgspec.convert(_values(row), TenantItem)


def tenant_detail(found: Provisioned) -> TenantDetail:
    """Return a tenant with all that is known of it."""
    usage = {name: getattr(found.counted, name) for name in Used.__struct_fields__}
    exceeded = [msgspec.structs.asdict(item) for item in found.exceeded]
    return msgspec.convert({**_values(found.row), "usage": usage, "exceeded": exceeded}, TenantDetail)


def _values(row: Row) -> dict[str, Any]:
    names = ("id", "subdomain", "name", "status", "plan", "subscription_status", "limit_overrides")
    values = {name: row[name] for name in (*names, "otp_budgets", "otp_max_attempts", "numbers")}
    return {
        **tenant_settings.shown(dict(row)),
        **values,
        "limits": {name: row[f"max_{name}"] for name in LIMIT_NAMES},
        "subscription_ends_at": iso(row["subscription_ends_at"]),
        "created_at": iso(row["created_at"]),
    }


EXAMPLE = SETTINGS_EXAMPLE | {
    "id": 17,
    "subdomain": "acme",
    "name": "Acme Ltd",
    "status": "active",
    "plan": "starter",
    "subscription_status": "active",
    "subscription_ends_at": "2026-12-31T00:00:00+00:00",
    "limits": {
        "contacts": 700,
        "conversations": 1000,
        "campaigns": -1,
        "staff": None,
        "api_calls_per_minute": 600,
    },
    "limit_overrides": {"contacts": 700},
    "otp_budgets": {},
    "otp_max_attempts": None,
    "numbers": 1,
    "created_at": "2026-03-01T08:00:00+00:00",
}
DETAIL_EXAMPLE = EXAMPLE | {
    "usage": {"contacts": 812, "conversations": 41, "campaigns": 0, "staff": 0},
    "exceeded": [{"tenant": "acme", "limit": "contacts", "current": 812, "maximum": 700}],
}
DELETED_EXAMPLE = DETAIL_EXAMPLE | {
    "status": DELETING,
    "export": "/srv/rasl/exports/tenant-acme-20260304-091522-000000.tar",
}
