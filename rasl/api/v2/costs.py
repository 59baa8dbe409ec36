"""What messages cost: counts from what Meta says of their price, money by the rate card."""

import datetime as dt
import re
from typing import Annotated

import msgspec
from litestar.openapi.spec import Schema
from litestar.openapi.spec.enums import OpenAPIFormat, OpenAPIType
from litestar.types import ASGIApp

from rasl import clock
from rasl.api.listing import read_pairs, read_query
from rasl.api.nouns import Noun
from rasl.api.operations import operation, query_parameter
from rasl.api.v2.account import ACCOUNT, MayRead
from rasl.db.cost_reports import GROUPS
from rasl.domain.costs import day_of
from rasl.domain.listing import ListQuery, ListSpec, Page, pagination
from rasl.errors import ValidationFailed
from rasl.services.ground.audit import INSTALLATION
from rasl.services.tenancy import costs
from rasl.services.tenancy.costs import Wanted
from rasl.web.envelope import Pagination, success
from rasl.web.request import ApiRequest
from rasl.web.responses import one_of

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOST_DAYS = 366
_SAYS = "Costs retrieved successfully"
_KNOWN = ("page", "per_page", "from", "to", "group_by")
_Omitted = str | None | msgspec.UnsetType


class CostItem(msgspec.Struct):
    """Sums of one group and currency: a field of each name in `group_by`, then the sums.

    `billable` is how many of the `messages` Meta charges for; `unpriced` how many of those no rate card has a price of:
    they are not in `cost`, which is null when nothing has a price.
    """

    messages: int
    billable: int
    cost: str | None
    currency: str | None
    is_estimate: bool
    unpriced: int
    day: _Omitted = msgspec.UNSET
    month: _Omitted = msgspec.UNSET
    number: _Omitted = msgspec.UNSET
    country: _Omitted = msgspec.UNSET
    category: _Omitted = msgspec.UNSET
    type: _Omitted = msgspec.UNSET
    template: _Omitted = msgspec.UNSET


class RateCardItem(msgspec.Struct):
    """A rate card that is valid within these days."""

    name: str
    valid_from: str
    currency: str
    owner: Annotated[str, one_of("RateCardOwner", ("server", "account"))]


class CostReport(msgspec.Struct):
    """Costs by days of the account's calendar, and what they are priced by."""

    from_: str = msgspec.field(name="from")
    to: str
    time_zone: str
    rate_cards: list[RateCardItem]
    costs: list[CostItem]


_EXAMPLE = CostReport(
    "2026-11-01",
    "2026-11-28",
    "Europe/London",
    [RateCardItem("Invented figures", "2026-01-01", "USD", "server")],
    [CostItem(128, 120, "6.348", "USD", True, 0, country="GB", category="marketing")],
)
COSTS = Noun("/account/costs", ACCOUNT.tag, "costs", CostReport, _EXAMPLE)
_TEXT, _DAY = Schema(type=OpenAPIType.STRING), Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE)
_COUNT = Schema(type=OpenAPIType.INTEGER, minimum=1)
_PARAMETERS = operation(
    query_parameter("from", _DAY, "First day, such as 2026-11-01: the first of the month unless given."),
    query_parameter("to", _DAY, f"Last day: today unless given. At most {_MOST_DAYS} days."),
    query_parameter("group_by", _TEXT, f"Comma-separated: {', '.join(GROUPS)}."),
    query_parameter("page", _COUNT, "Page number, from 1."),
    query_parameter("per_page", _COUNT, "Rows per page: 15 unless given, more than 100 is taken as 100."),
)


@COSTS.get("", ValidationFailed, says=_SAYS, tells="Sums, a page of them.", operation=_PARAMETERS)
async def get_costs(caller: MayRead, request: ApiRequest) -> ASGIApp:
    """Get what messages cost.

    Meta tells with its statuses what it charges for; every message counts once, on the day it was delivered. Money is
    an estimate by the rate card of the server, or of the account: volume tiers and discounts are not known here.
    Without `group_by` all is one row; currencies are never added up.
    """
    query, wanted = _read(request, day_of(clock.now(), caller.tenant.time_zone))
    async with request.resources.database.listing() as db:
        found = await costs.report(db, caller.tenant.id, wanted, query.per_page, query.offset)
    items = [CostItem(**costs.shown(row, wanted.groups)) for row in found.sums]
    cards = [
        RateCardItem(
            card.name,
            card.valid_from.isoformat(),
            card.currency,
            "server" if card.owner_id == INSTALLATION else "account",
        )
        for card in found.cards
    ]
    told = CostReport(
        wanted.since.isoformat(), wanted.until.isoformat(), caller.tenant.time_zone, cards, items
    )
    block = pagination(query, Page(items, found.total, is_total_estimated=False))
    block["has_more"] = query.offset + len(items) < found.total
    return success(request, _SAYS, told, msgspec.convert(block, Pagination))


def _read(request: ApiRequest, today: dt.date) -> tuple[ListQuery, Wanted]:
    """Read page, days and groups; raises ValidationFailed naming all that is wrong."""
    problems = {}
    query = ListQuery()
    try:
        query = read_query(request, ListSpec({}, (), ""), _KNOWN)
    except ValidationFailed as error:
        problems = dict(error.details)
    given = {name: text.strip() for name, text in read_pairs(request.scope["query_string"]) if text.strip()}
    groups = list(
        dict.fromkeys(name.strip() for name in given.get("group_by", "").split(",") if name.strip())
    )
    if any(name not in GROUPS for name in groups):
        problems["group_by"] = [
            f"The group_by parameter must be of {', '.join(GROUPS)}, with commas between them"
        ]
    days: dict[str, dt.date | None] = {}
    for name in ("from", "to"):
        days[name] = _day(given[name]) if name in given else None
        if name in given and days[name] is None:
            problems[name] = [f"The {name} parameter must be a day, such as 2026-11-01"]
    until = days["to"] or max(today, days["from"] or today)
    since = days["from"] or until.replace(day=1)
    if not problems.keys() & {"from", "to"}:
        if since > until:
            problems["to"] = ["The to parameter must not be before from"]
        elif (until - since).days >= _MOST_DAYS:
            problems["to"] = [f"The to parameter must be at most {_MOST_DAYS} days after from"]
    if problems:
        raise ValidationFailed(problems)
    return query, Wanted(since, until, groups)


def _day(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text) if _DATE.fullmatch(text) else None
    except ValueError:
        return None


HANDLERS = (get_costs,)
