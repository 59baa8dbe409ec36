"""`rasl usage`: what tenants use, for whoever bills them."""

import datetime as dt
import re
import sys
from typing import Annotated, Any

import typer

from rasl.cli.output import AsJson, show
from rasl.cli.session import opened
from rasl.db import usage as usage_rows
from rasl.db.usage import TenantUsage
from rasl.domain.csv_files import protected, write_row
from rasl.domain.subscription import Subscription
from rasl.domain.tenants import LIMIT_NAMES

_MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
_COUNTED = tuple(name for name in LIMIT_NAMES if name != "api_calls_per_minute")

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Say that there are second words, although there is one only."""


@app.command()
def report(
    month: Annotated[
        str | None, typer.Option(help="Month whose conversations are told, such as 2026-11; else this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print what every tenant uses as CSV: a line a tenant. What is no conversation is counted as it is now.

    rasl usage report --month 2026-11 > november.csv
    """
    wanted = None if month is None else read_month(month)
    with opened() as session:
        used = session.query(lambda db: usage_rows.list_usage(db, wanted))
    lines = [_line(one) for one in used]
    if as_json:
        show(as_json, {"tenants": lines})
        return
    sys.stdout.write(write_row(_HEADINGS))
    for line in lines:
        sys.stdout.write(write_row([csv_cell(value) for value in line.values()]))


def read_month(text: str) -> dt.date:
    """Read a month and return its first day; raises BadParameter."""
    found = _MONTH.fullmatch(text)
    if found is None:
        raise typer.BadParameter("--month must be a year and a month, such as 2026-11.")
    return dt.date(int(found[1]), int(found[2]), 1)


def csv_cell(value: Any) -> str:
    """Write a value; a name that begins like a formula is none to spreadsheets."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return protected(value) if isinstance(value, str) else "" if value is None else str(value)


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
    *(f"{name}{part}" for name in _COUNTED for part in ("", "_limit", "_over")),
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
    for name in _COUNTED:
        current, maximum = getattr(used.counted, name), row[f"max_{name}"]
        is_limited = maximum is not None and maximum >= 0
        values += [current, maximum, max(0, current - maximum) if is_limited else 0]
    return dict(zip(_HEADINGS, values, strict=True))
