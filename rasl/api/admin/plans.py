"""Plans for operators: what tenants may have."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp
from msgspec import UNSET, UnsetType

from rasl.api.admin.tenant_schemas import ExceededLimit, Limits, some_calls
from rasl.api.audit import actor_of
from rasl.api.nouns import Noun
from rasl.db.installation_lists import INSTALLATION, PLANS
from rasl.db.listing import fetch_page
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import LIMIT_NAMES, PLAN_SWITCHES
from rasl.domain.validation import Body
from rasl.domain.validation.rules import Rule, where
from rasl.errors import NotFound, ResourceConflict, ValidationFailed
from rasl.services.operators import plans, provisioning
from rasl.services.operators.plans import NAME, NAME_RULE, Exceeded
from rasl.web.envelope import success
from rasl.web.request import ApiRequest

_Limit = Annotated[int, msgspec.Meta(ge=-1, le=10**12)]
_Rate = Annotated[int, msgspec.Meta(ge=-1, le=10**6)]


class PlanLimits(Body, frozen=True):
    """What a plan allows: -1 is unlimited, null not configured; unlimited where a new plan does not say."""

    contacts: _Limit | UnsetType = UNSET
    conversations: _Limit | UnsetType = UNSET
    campaigns: _Limit | UnsetType | None = UNSET
    staff: _Limit | UnsetType | None = UNSET
    api_calls_per_minute: _Rate | UnsetType | None = UNSET


class PlanFeatures(Body, frozen=True):
    """What a plan includes; all of it where a new plan does not say."""

    whatsapp_templates: bool | UnsetType = UNSET
    bulk_messaging: bool | UnsetType = UNSET
    chatbot: bool | UnsetType = UNSET
    advanced_analytics: bool | UnsetType = UNSET
    custom_branding: bool | UnsetType = UNSET


_RULES: tuple[Rule, ...] = (
    some_calls("limits.api_calls_per_minute"),
    where("title", lambda title: not title.isprintable(), "must be visible characters"),
)


class ChangePlan(Body, frozen=True):
    """What to change of a plan; what is left out stays, or is as usual where it is new."""

    title: (
        Annotated[str, msgspec.Meta(max_length=100, description="What tenants see it called.")] | UnsetType
    ) = UNSET
    limits: PlanLimits | UnsetType = UNSET
    features: PlanFeatures | UnsetType = UNSET
    rules: ClassVar[tuple[Rule, ...]] = _RULES


class CreatePlan(ChangePlan, frozen=True, kw_only=True):
    """A plan to be created."""

    name: Annotated[str, msgspec.Meta(max_length=63, description=f"{NAME_RULE}.")]
    rules: ClassVar[tuple[Rule, ...]] = (
        *_RULES,
        where("name", lambda text: not NAME.fullmatch(text), f"must be {NAME_RULE}"),
    )


class Features(msgspec.Struct):
    """What a plan includes."""

    whatsapp_templates: bool
    bulk_messaging: bool
    chatbot: bool
    advanced_analytics: bool
    custom_branding: bool


class PlanItem(msgspec.Struct):
    """A plan, and how many tenants have it; `exceeded` names those of them that use more than was just allowed."""

    id: int
    name: str
    title: str
    limits: Limits
    features: Features
    tenants: int
    exceeded: list[ExceededLimit]


def _shown(row: Row, exceeded: list[Exceeded] | None = None) -> PlanItem:
    return msgspec.convert(
        {
            **{name: row[name] for name in ("id", "name", "title", "tenants")},
            "limits": {name: row[f"max_{name}"] for name in LIMIT_NAMES},
            "features": {name: row[name] for name in PLAN_SWITCHES},
            "exceeded": [msgspec.structs.asdict(item) for item in exceeded or ()],
        },
        PlanItem,
    )


_EXAMPLE = {
    "id": 3,
    "name": "starter",
    "title": "Starter",
    "limits": {
        "contacts": 500,
        "conversations": 1000,
        "campaigns": 2,
        "staff": None,
        "api_calls_per_minute": 600,
    },
    "features": dict.fromkeys(PLAN_SWITCHES, True),
    "tenants": 1,
    "exceeded": [],
}
PLAN = Noun("/plans", Tag("Plans", "What tenants may have."), "plan", PlanItem, _EXAMPLE, of=_shown)


@PLAN.get_list(PLANS.spec)
async def list_plans(request: ApiRequest, query: ListQuery) -> Page:
    """List plans.

    With how many tenants have each.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, PLANS, query, INSTALLATION)


@PLAN.post(
    "",
    201,
    ResourceConflict,
    stores=False,
    tells="What was created; with 200 it was there already, with all that was asked for.",
    asks={
        "starter": {
            "name": "starter-2",
            "limits": {"contacts": 500, "conversations": 1000, "campaigns": None},
            "features": {"bulk_messaging": False},
        }
    },
)
async def create_plan(data: JSONBody[CreatePlan], request: ApiRequest) -> ASGIApp:
    """Create a plan.

    The same call may be made again: it answers the plan that is there. A name that is taken by a plan with something
    else is a 409, and changes nothing.
    """
    return await _provide(request, data.name, data, may_change=False)


@PLAN.get("/{plan_name:str}", NotFound)
async def get_plan(plan_name: FromPath[str], request: ApiRequest) -> Row:
    """Get a plan.

    By its name.
    """
    async with request.resources.database.transaction() as db:
        return await plans.get_plan(db, plan_name)


@PLAN.put("/{plan_name:str}", asks={"starter": {"title": "Starter", "limits": {"contacts": 500}}})
async def put_plan(
    plan_name: FromPath[str],
    data: JSONBody[ChangePlan],
    request: ApiRequest,
) -> ASGIApp:
    """Create or change a plan.

    Whatever there was, the plan has what is asked for afterwards. A limit below what tenants use is allowed, and said
    in `exceeded`: they keep what they have, and get no more.
    """
    if not NAME.fullmatch(plan_name):
        raise ValidationFailed({"name": [f"The name must be {NAME_RULE}"]})
    return await _provide(request, plan_name, data, may_change=True)


@PLAN.patch("/{plan_name:str}", NotFound, asks={"limit": {"limits": {"contacts": 1000, "staff": 5}}})
async def change_plan(
    plan_name: FromPath[str],
    data: JSONBody[ChangePlan],
    request: ApiRequest,
) -> PlanItem:
    """Change a plan.

    For all who have it, in force within a second; what is left out stays.
    """
    row, exceeded = await provisioning.change_plan(
        request.resources.database, actor_of(request), plan_name, _values(data)
    )
    return _shown(row, exceeded)


@PLAN.delete("/{plan_name:str}", NotFound, ResourceConflict)
async def delete_plan(plan_name: FromPath[str], request: ApiRequest) -> None:
    """Delete a plan.

    One that a tenant has is a 409: give them another one first.
    """
    await plans.delete_plan(request.resources.database, actor_of(request), plan_name)


async def _provide(request: ApiRequest, name: str, data: ChangePlan, *, may_change: bool) -> ASGIApp:
    found = await provisioning.provide_plan(
        request.resources.database, actor_of(request), name, _values(data), may_change=may_change
    )
    verb, status = ("created", 201) if found.is_new else ("updated" if may_change else "retrieved", 200)
    return success(request, f"Plan {verb} successfully", _shown(found.row, found.exceeded), status=status)


def _values(data: ChangePlan) -> Mapping[str, Any]:
    """Return the columns that a body names."""
    given: dict[str, Any] = msgspec.to_builtins(data)
    limits = {f"max_{name}": value for name, value in given.pop("limits", {}).items()}
    features: dict[str, Any] = given.pop("features", {})
    given.pop("name", None)
    return given | limits | features


HANDLERS = (list_plans, create_plan, get_plan, put_plan, change_plan, delete_plan)
