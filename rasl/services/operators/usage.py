"""What tenants use, for whoever bills them: one line a tenant, as data or as CSV."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rasl.db import usage as usage_rows
from rasl.db.pool import Db
from rasl.db.usage import TenantUsage
from rasl.domain.csv_files import protected, write_row
from rasl.domain.subscription import Subscription
from rasl.domain.tenants import LIMIT_NAMES

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
COUNTED = tuple(name for name in LIMIT_NAMES if name != "api_calls_per_minute")
_HEADINGS = (
    "month",
    "tenant_id",
    "subdomain",
    "name",
    "status",
    "plan",
    "subscription_status",
    "subscription_ends_at",
    "time_zone",
    *(f"{name}{part}" for name in COUNTED for part in ("", "_limit", "_over")),
)


def _line(used: TenantUsage) -> dict[str, Any]:
    """Return the line of a tenant; `…_over` is what was used beyond the limit, such as one that was lowered."""
    row = used.tenant
    subscription = Subscription(row["subscription_status"], row["subscription_ends_at"])
    ends_at = subscription.ends_at
    values = [
        used.month.strftime("%Y-%m"),
        row["id"],
        row["subdomain"],
        row["name"],
        row["status"],
        row["plan"],
        subscription.status_at(used.counted.now),
        ends_at and ends_at.isoformat(timespec="seconds"),
        row["time_zone"],
    ]
    for name in COUNTED:
        current, maximum = getattr(used.counted, name), row[f"max_{name}"]
        is_limited = maximum is not None and maximum >= 0
        values += [current, maximum, max(0, current - maximum) if is_limited else 0]
    return dict(zip(_HEADINGS, values, strict=True))


async def report(db: Db, month: dt.date | None) -> list[dict[str, Any]]:
    """Return a line for every tenant: conversations of a month, or of this one; the rest as it is now."""
    return [_line(used) for used in await usage_rows.list_usage(db, month)]


def read_month(text: str) -> dt.date:
    """Read a month such as 2026-11; raises ValueError."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise ValueError("must be a year and a month, such as 2026-11")
    return dt.date(int(found[1]), int(found[2]), 1)


def as_csv(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Write the report as CSV, a line at a time."""
    yield write_row(_HEADINGS)
    for line in lines:
        yield write_row([cell(value) for value in line.values()])


def cell(value: Any) -> str:
    """Write a value; a name that begins like a formula is none to spreadsheets."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return protected(value) if isinstance(value, str) else "" if value is None else str(value)
