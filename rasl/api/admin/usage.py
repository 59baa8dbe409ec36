"""What tenants use, for whoever bills them."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example, Schema, Tag
from litestar.openapi.spec.enums import OpenAPIType

from rasl.api.listing import read_pairs
from rasl.api.nouns import Noun
from rasl.api.operations import operation, query_parameter
from rasl.domain import subscription
from rasl.domain.tenants import DELETING, STATUSES
from rasl.errors import ValidationFailed
from rasl.services.operators import usage
from rasl.web.request import ApiRequest
from rasl.web.responses import one_of, raises


class UsageItem(msgspec.Struct):
    """What a tenant uses: `…_limit` is -1 without a limit and null where it is not configured."""

    month: str
    tenant_id: int
    subdomain: str
    name: str
    status: Annotated[str, one_of("TenantStatus", (*STATUSES, DELETING))]
    plan: str
    subscription_status: Annotated[str, one_of("SubscriptionStatus", subscription.STATUSES)] | None
    subscription_ends_at: str | None
    time_zone: str
    contacts: int
    contacts_limit: int
    contacts_over: int
    conversations: int
    conversations_limit: int
    conversations_over: int
    campaigns: int
    campaigns_limit: int | None
    campaigns_over: int
    staff: int
    staff_limit: int | None
    staff_over: int


_EXAMPLE = {
    "month": "2026-11",
    "tenant_id": 17,
    "subdomain": "acme",
    "name": "Acme Ltd",
    "status": "active",
    "plan": "starter",
    "subscription_status": "active",
    "subscription_ends_at": "2026-12-31T00:00:00+00:00",
    "time_zone": "Europe/London",
    "contacts": 812,
    "contacts_limit": 700,
    "contacts_over": 112,
    "conversations": 41,
    "conversations_limit": 1000,
    "conversations_over": 0,
    "campaigns": 0,
    "campaigns_limit": -1,
    "campaigns_over": 0,
    "staff": 0,
    "staff_limit": None,
    "staff_over": 0,
}
_MONTH = operation(
    query_parameter(
        "month",
        Schema(type=OpenAPIType.STRING, example="2026-11"),
        "Whose conversations are told, such as `2026-11`; else those of this month in each tenant's calendar.",
    )
)
USAGE = Noun("/usage", Tag("Usage", "What tenants use."), "usage", UsageItem, _EXAMPLE)


@USAGE.get(
    "",
    ValidationFailed,
    operation=_MONTH,
    tells="A line a tenant.",
    example=[_EXAMPLE],
)
async def get_usage(request: ApiRequest) -> list[UsageItem]:
    """Get what tenants use.

    All of them; what is no conversation is counted as it is now. `…_over` is what is used beyond a limit, such as one
    that was lowered.
    """
    return msgspec.convert(await _lines(request), list[UsageItem])


@get(
    "/usage.csv",
    operation_class=_MONTH,
    responses={
        **raises(ValidationFailed),
        200: ResponseSpec(
            str,
            generate_examples=False,
            description="A line a tenant, as a file.",
            media_type="text/csv",
            examples=[
                Example(
                    id="success",
                    value=f"{','.join(_EXAMPLE)}\r\n{','.join(map(usage.cell, _EXAMPLE.values()))}\r\n",
                )
            ],
        ),
    },
    summary="Get what tenants use as CSV",
    description="The same as a file for spreadsheets, as `rasl usage report` prints it.",
    tags=[USAGE.tag.name],
)
async def export_usage(request: ApiRequest) -> Response[str]:
    """Answer the report as a file."""
    headers = {"content-disposition": 'attachment; filename="usage.csv"'}
    return Response("".join(usage.as_csv(await _lines(request))), media_type="text/csv", headers=headers)


async def _lines(request: ApiRequest) -> list[dict[str, Any]]:
    wanted = dict(read_pairs(request.scope["query_string"])).get("month")
    try:
        month = usage.read_month(wanted) if wanted else None
    except ValueError as error:
        raise ValidationFailed({"month": [f"The month {error}"]}) from None
    async with request.resources.database.listing() as db:
        return await usage.report(db, month)


HANDLERS = (get_usage, export_usage)
