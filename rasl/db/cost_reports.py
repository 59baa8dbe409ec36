"""The ledger of costs read: sums by whatever is asked for, priced by the rate cards that were valid on each day."""

import datetime as dt
from collections.abc import Mapping, Sequence

from rasl.db import rows
from rasl.db.pool import Db, Row
from rasl.domain.rate_cards import Period

# What sums can be by, and how a line says it.
GROUPS: Mapping[str, str] = {
    "day": "l.day",
    "month": "to_char(l.day, 'YYYY-MM')",
    "number": "l.number_id",
    "country": "nullif(l.country, '')",
    "category": "l.category",
    "type": "l.type",
    "template": "nullif(l.template, '')",
}
_SHOWN = {
    "number": "(select n.phone_number_id from whatsapp_numbers n where n.tenant_id = $1 and n.id = s.by_number)"
}


async def sum_up(
    db: Db,
    tenant_id: int,
    since: dt.date,
    until: dt.date,
    groups: Sequence[str],
    periods: Sequence[Period],
    limit: int,
    offset: int = 0,
) -> list[Row]:
    """Return a row for each group and currency, with how many rows there are in all.

    Periods follow each other without a gap. `cost` is that of what has a price; `unpriced` counts what Meta charges for
    and no card has a price of. What the tenant's lines are alike in is added up first: so each price is looked up once,
    and not for every template and day.
    """
    taken = "".join(f"{GROUPS[name]} as by_{name}, " for name in groups)
    by = "".join(f"by_{name}, " for name in groups)
    shown = "".join(f"{_SHOWN.get(name, f's.by_{name}')} as {name}, " for name in groups)
    return await db.fetch(
        f"""
        with alike as (
            select {taken} width_bucket(l.day, $4::date[]) as period, l.country, l.category, l.type,
                   sum(l.messages) as messages,
                   sum(l.messages) filter (where l.is_delivered) as delivered,
                   sum(l.messages) filter (where l.is_delivered and l.is_billable) as billable
            from cost_lines l where l.tenant_id = $1 and l.day between $2 and $3
            group by {by} period, l.country, l.category, l.type
        ), priced as (
            select a.*, p.currency, coalesce(own.price, rest.price) as price
            from alike a
            left join {rows.ordered(Period, 5, "p")} on p.ord = a.period
            left join rates own on own.tenant_id = p.owner_id and own.card_id = p.card_id
                and own.category = a.category and own.type = a.type and own.country = a.country
            left join rates rest on rest.tenant_id = p.owner_id and rest.card_id = p.card_id
                and rest.category = a.category and rest.type = a.type and rest.country = '*'
        ), sums as (
            select {by} currency, sum(messages)::bigint as messages, coalesce(sum(billable), 0)::bigint as billable,
                   sum(delivered * price) as cost, bool_or(price is not null and delivered > 0) as is_estimate,
                   coalesce(sum(billable) filter (where price is null), 0)::bigint as unpriced
            from priced group by {by} currency having sum(messages) > 0
        )
        select {shown} s.currency, s.messages, s.billable, s.cost, coalesce(s.is_estimate, false) as is_estimate,
               s.unpriced, count(*) over () as total
        from sums s order by {by} currency limit $6 offset $7
        """,
        tenant_id,
        since,
        until,
        [period.since for period in periods],
        periods,
        limit,
        offset,
    )
