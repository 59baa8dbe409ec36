"""The ledger of costs: each message that Meta told a price of is counted once, on the line that fits what was told.

Whoever changes what is known of a message holds its lock; so it goes from line to line, however often and in whatever
order Meta tells things, and the sums are those of the messages at any moment.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from rasl.db import costs as rows
from rasl.db.costs import Change
from rasl.db.pool import Db, Row
from rasl.db.rows import Key
from rasl.db.statuses import MessageState, Report
from rasl.domain.costs import Line, Pricing, country_of, day_of, pricing_told
from rasl.domain.message_status import StatusTimes

_Key = tuple[int, int]


# When a message reached what decides the day it counts for.
_Times = StatusTimes | MessageState


async def count(
    db: Db,
    locked: Mapping[_Key, Row],
    times: Mapping[_Key, _Times],
    reports: Mapping[_Key, Sequence[Report]],
) -> dict[_Key, int]:
    """Count locked messages after new reports, with these times; returns which went to which line."""
    told: dict[_Key, Pricing] = {}
    touched: dict[_Key, Row] = {}
    for key, row in locked.items():
        pricing = pricing_told((it.status, it.wamid, it.pricing) for it in reports[key] if it.pricing)
        time = times[key]
        if pricing is not None:
            told[key] = pricing
        if pricing is not None or row["delivered_at"] != time.delivered_at or row["sent_at"] != time.sent_at:
            touched[key] = row
    now = await lines_now(db, touched)
    # Which of two prices is the correction only all reports together can tell.
    if doubtful := [key for key in told if key in now and told[key] != now[key].pricing]:
        told |= await kept_pricings(db, doubtful)
    return await settle(db, now, moves(touched, now, times, told))


async def lines_now(db: Db, locked: Mapping[_Key, Row]) -> dict[_Key, Line]:
    """Return the lines that count locked messages, of those that are counted."""
    counted = {
        key: Key(key[0], row["cost_line_id"])
        for key, row in locked.items()
        if row["cost_line_id"] is not None
    }
    if not counted:
        return {}
    lines = await rows.get_lines(db, list(set(counted.values())))
    return {key: lines[line_key] for key, line_key in counted.items()}


async def kept_pricings(db: Db, keys: Collection[_Key]) -> dict[_Key, Pricing]:
    """Return what counts of all that Meta told of the price of messages, as far as it is kept."""
    told: dict[_Key, list[tuple[str, str, object]]] = {}
    for row in await rows.list_prices(db, [Key(*key) for key in sorted(keys)]):
        one = row["status"], row["wamid"], row["pricing"]
        told.setdefault((row["tenant_id"], row["id"]), []).append(one)
    found = {key: pricing_told(items) for key, items in told.items()}
    return {key: pricing for key, pricing in found.items() if pricing is not None}


def moves(
    locked: Mapping[_Key, Row],
    now: Mapping[_Key, Line],
    times: Mapping[_Key, _Times],
    told: Mapping[_Key, Pricing],
) -> dict[_Key, Line]:
    """Return the new lines of those locked messages that are on another one, or on none.

    A message counts on the day it was delivered, until then on the day it was sent. One of which no price is told
    keeps the one it has; its number, country and template stay as they were counted.
    """
    moved = {}
    for key, row in locked.items():
        before, time = now.get(key), times[key]
        pricing = told.get(key) or (before and before.pricing)
        moment = time.delivered_at or time.sent_at or time.failed_at
        if pricing is None or moment is None:
            continue
        line = Line(
            tenant_id=row["tenant_id"],
            day=day_of(moment, row["time_zone"]),
            number_id=before.number_id if before else row["number_id"],
            country=before.country if before else country_of(row["peer"]),
            category=pricing.category,
            type=pricing.type,
            template=before.template if before else row["template"] or "",
            is_delivered=time.delivered_at is not None,
            is_billable=pricing.is_billable,
        )
        if line != before:
            moved[key] = line
    return moved


async def settle(db: Db, now: Mapping[_Key, Line], moved: Mapping[_Key, Line]) -> dict[_Key, int]:
    """Count locked messages on new lines and no longer on those of now; returns the ids of the new ones."""
    if not moved:
        return {}
    balance: Counter[Line] = Counter()
    for key, line in moved.items():
        balance[line] += 1
        if before := now.get(key):
            balance[before] -= 1
    ids = await rows.change(db, [Change.of(line, number) for line, number in balance.items()])
    return {key: ids[line] for key, line in moved.items()}
