"""What messages cost: the ledger's counts, priced by the rate card that was valid on each day."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import cost_reports
from rasl.db import rates as rate_rows
from rasl.db.pool import Db, Row
from rasl.domain import rate_cards
from rasl.domain.rate_cards import KeptCard
from rasl.services.ground.audit import INSTALLATION


class Wanted(msgspec.Struct, frozen=True):
    """Days, the last one included, and what their sums are by."""

    since: dt.date
    until: dt.date
    groups: Sequence[str] = ()


class Report(msgspec.Struct, frozen=True):
    """A page of sums, how many there are in all, and the cards that they are priced by."""

    sums: Sequence[Row]
    total: int
    cards: Sequence[KeptCard]


async def report(db: Db, tenant_id: int, wanted: Wanted, limit: int, offset: int = 0) -> Report:
    """Return what a tenant's messages cost; money is computed as it is read, so that a corrected card prices anew."""
    kept = await rate_rows.list_cards(db, [INSTALLATION, tenant_id])
    periods = rate_cards.periods(
        [card for card in kept if card.owner_id == tenant_id],
        [card for card in kept if card.owner_id == INSTALLATION],
    )
    valid = [period for period in periods if period.since <= wanted.until and period.until >= wanted.since]
    sums = await cost_reports.sum_up(
        db, tenant_id, wanted.since, wanted.until, wanted.groups, valid, limit, offset
    )
    total = sums[0]["total"] if sums else 0
    if not sums and offset:
        first = await cost_reports.sum_up(db, tenant_id, wanted.since, wanted.until, wanted.groups, valid, 1)
        total = first[0]["total"] if first else 0
    used = {(period.owner_id, period.card_id) for period in valid}
    return Report(sums, total, [card for card in kept if (card.owner_id, card.card_id) in used])


def shown(sums: Row, groups: Sequence[str]) -> Mapping[str, Any]:
    """Return sums as answers have them; what Meta does not charge for costs nothing, what has no price is no zero."""
    cost = sums["cost"]
    if cost is None and not sums["unpriced"]:
        cost = 0
    return {
        **{name: sums[name].isoformat() if name == "day" else sums[name] for name in groups},
        "messages": sums["messages"],
        "billable": sums["billable"],
        "cost": None if cost is None else f"{cost:f}" if cost else "0",
        "currency": sums["currency"],
        "is_estimate": sums["is_estimate"],
        "unpriced": sums["unpriced"],
    }
