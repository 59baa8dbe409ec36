"""The account: who calls, what the plan allows, how much of it is used (api-v2 section 10)."""

from collections.abc import Sequence
from typing import Annotated

import msgspec
from litestar.openapi.spec import Tag

from rasl import clock
from rasl.api.caller import Requires
from rasl.api.nouns import Noun
from rasl.db import tenants as tenant_rows
from rasl.db import usage as usage_rows
from rasl.domain import subscription
from rasl.domain.tenants import STATUSES, Caller, Plan
from rasl.domain.usage import UNLIMITED, Usage, usage_of
from rasl.errors import NotFound
from rasl.services.ground.callers import read_subscription
from rasl.web.context import iso
from rasl.web.request import ApiRequest
from rasl.web.responses import one_of

MayRead = Annotated[Caller, Requires("account:read")]


class SubscriptionItem(msgspec.Struct):
    """The plan, and how long it runs; no status where nobody bills the account."""

    plan_name: str
    plan_id: int | None
    status: Annotated[str, one_of("SubscriptionStatus", subscription.STATUSES)] | None
    expires_at: str | None


class OwnTokenItem(msgspec.Struct):
    """What the token of this call may do."""

    name: str
    scopes: Sequence[str]
    expires_at: str | None
    rate_limit_per_minute: int


class AccountItem(msgspec.Struct):
    """The account a token belongs to."""

    id: int
    name: str
    subdomain: str
    status: Annotated[str, one_of("AccountStatus", STATUSES)]
    created_at: str
    subscription: SubscriptionItem
    token: OwnTokenItem


class AccountUsage(msgspec.Struct):
    """How much is used of each limit: `limit` -1 is none, null one that nobody has set."""

    contacts: Usage
    conversations: Usage
    campaigns: Usage
    staff: Usage


class PlanLimit(msgspec.Struct):
    """One limit: -1 is none, null one that nobody has set."""

    limit: int | None
    feature_name: str
    is_unlimited: bool


class PlanLimits(msgspec.Struct):
    """How much the plan allows, or the account was given besides."""

    contacts: PlanLimit
    conversations: PlanLimit
    campaigns: PlanLimit
    staff: PlanLimit
    api_calls_per_minute: PlanLimit


class PlanFeatures(msgspec.Struct):
    """What the plan includes."""

    whatsapp_templates: bool
    bulk_messaging: bool
    chatbot: bool
    advanced_analytics: bool
    custom_branding: bool
    api_access: bool = True


class AccountLimits(msgspec.Struct):
    """What the plan allows."""

    limits: PlanLimits
    features: PlanFeatures


_FEATURE_NAMES = {
    "contacts": "Total Contacts",
    "conversations": "Conversations per Month",
    "campaigns": "Active Campaigns",
    "staff": "Team Members",
    "api_calls_per_minute": "API Calls per Minute",
}
_SUBSCRIPTION = SubscriptionItem("Free", 1, "active", "2026-04-01T00:00:00+00:00")
_TOKEN = OwnTokenItem("shop", ["messages:send", "account:read"], None, 60)
_EXAMPLE = AccountItem(1, "Acme Demo", "acme", "active", "2026-01-05T09:00:00+00:00", _SUBSCRIPTION, _TOKEN)
_USAGE = AccountUsage(usage_of(128, 500), usage_of(640, 1000), usage_of(0, 5), usage_of(0, UNLIMITED))


def _limits_of(plan: Plan) -> AccountLimits:
    limits = {}
    for name, feature_name in _FEATURE_NAMES.items():
        limit = getattr(plan, f"max_{name}")
        limits[name] = PlanLimit(limit, feature_name, limit == UNLIMITED)
    features = {name: getattr(plan, name) for name in PlanFeatures.__struct_fields__ if name != "api_access"}
    return AccountLimits(PlanLimits(**limits), PlanFeatures(**features))


_LIMITS = _limits_of(Plan("free", 500, 1000, 5, -1, 600, chatbot=False))
ACCOUNT = Noun(
    "/account",
    Tag("Account", "Who calls, what the plan allows, and how much of it is used."),
    "account",
    AccountItem,
    _EXAMPLE,
)


@ACCOUNT.get("", NotFound, says="Account information retrieved successfully")
async def get_account(caller: MayRead, request: ApiRequest) -> AccountItem:
    """Get the account.

    `subscription.status` is null where nobody bills the account. When it is `expired`, or `cancelled` and its period is
    over, everything can be read and nothing sent (403 `FEATURE_NOT_AVAILABLE`). `token` is the one of this call.
    """
    async with request.resources.database.connection() as db:
        row = await tenant_rows.get_account(db, caller.tenant.id)
    status = read_subscription(row).status_at(clock.now())
    return AccountItem(
        id=row["id"],
        name=row["name"],
        subdomain=row["subdomain"],
        status=row["status"],
        created_at=iso(row["created_at"]) or "",
        subscription=SubscriptionItem(
            row["plan_name"], row["plan_id"], status, iso(row["subscription_ends_at"])
        ),
        token=OwnTokenItem(
            caller.token_name, sorted(caller.scopes), iso(caller.expires_at), caller.rate_limit_per_minute
        ),
    )


@ACCOUNT.get("/usage", NotFound, says="Usage statistics retrieved successfully", example=_USAGE)
async def get_usage(caller: MayRead, request: ApiRequest) -> AccountUsage:
    """Get the usage.

    Contacts there are, conversations of this month by the account's calendar (its time zone), active campaigns, team
    members: counted by the database as they come and go, so right at any moment.
    """
    async with request.resources.database.connection() as db:
        counted = await usage_rows.load_usage(db, caller.tenant.id)
    plan = caller.tenant.plan
    return AccountUsage(
        contacts=usage_of(counted.contacts, plan.max_contacts),
        conversations=usage_of(counted.conversations, plan.max_conversations),
        campaigns=usage_of(counted.campaigns, plan.max_campaigns),
        staff=usage_of(counted.staff, plan.max_staff),
    )


@ACCOUNT.get("/limits", says="Plan limits retrieved successfully", example=_LIMITS)
async def get_limits(caller: MayRead, request: ApiRequest) -> AccountLimits:  # noqa: ARG001 - every route gets it
    """Get the limits.

    Beyond contacts and conversations a call is refused with 403 `FEATURE_LIMIT_EXCEEDED`. `api_calls_per_minute` is for
    all tokens of the account together; each token has a limit of its own besides.
    """
    return _limits_of(caller.tenant.plan)


HANDLERS = (get_account, get_usage, get_limits)
