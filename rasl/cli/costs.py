"""`rasl costs`: what messages cost, for whoever bills, and the ledger compared with what Meta told."""

import datetime as dt
import sys
from typing import Annotated

import msgspec
import typer

from rasl.cli.output import AsJson, show, table
from rasl.cli.rates import read_day
from rasl.cli.session import opened
from rasl.cli.usage import csv_cell, read_month
from rasl.db.cost_reports import GROUPS
from rasl.domain.csv_files import write_row
from rasl.services.operators import costs
from rasl.services.tenancy.costs import Wanted

TenantChoice = Annotated[
    str | None, typer.Option("--tenant", help="Subdomain or id of one tenant; else all.")
]
_GROUPS = "month,country,category"
_SUMS = ("messages", "billable", "cost", "currency", "is_estimate", "unpriced")

app = typer.Typer(no_args_is_help=True)


@app.command()
def report(
    month: Annotated[str | None, typer.Option(help="A month, such as 2026-11; else this one.")] = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, instead of a month.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, instead of a month.")] = None,
    group_by: Annotated[
        str, typer.Option(help=f"Of {', '.join(GROUPS)}, with commas between them.")
    ] = _GROUPS,
    tenant: TenantChoice = None,
    as_json: AsJson = False,
) -> None:
    """Print what messages cost as CSV: lines of every tenant, by the calendar of each. Money is an estimate.

    rasl costs report --month 2026-11 > november.csv
    """
    groups = list(dict.fromkeys(filter(None, (name.strip() for name in group_by.split(",")))))
    if strangers := [name for name in groups if name not in GROUPS]:
        raise typer.BadParameter(f"There is no group {', '.join(strangers)}. Groups: {', '.join(GROUPS)}.")
    wanted = Wanted(*_days(month, first, last), groups)
    with opened() as session:
        sums = session.query(lambda db: costs.report(db, wanted, tenant))
    if as_json:
        show(as_json, {"from": wanted.since, "to": wanted.until, "costs": sums})
        return
    headings = ("tenant_id", "subdomain", "name", *groups, *_SUMS)
    sys.stdout.write(write_row(headings))
    for line in sums:
        sys.stdout.write(write_row([csv_cell(line[name]) for name in headings]))


@app.command()
def recount(
    tenant: TenantChoice = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what is wrong, mend nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Compare the ledger with the statuses that are kept, and mend what differs; the server may run meanwhile.

    It also counts messages from before there was a ledger, and puts days into the time zone that a tenant has now.
    """
    with opened() as session:
        found = session.run(lambda database: costs.recount(database, tenant, is_mending=not dry_run))
    value = {"dry_run": dry_run, "tenants": found}
    lines = [msgspec.structs.asdict(one) for one in found]
    show(as_json, value, table(("tenant", "messages", "messages_wrong", "lines_wrong"), lines))


def _days(month: str | None, first: str | None, last: str | None) -> tuple[dt.date, dt.date]:
    """Return the days that are meant; raises BadParameter."""
    today = dt.datetime.now(dt.UTC).date()
    if first is not None or last is not None:
        if month is not None:
            raise typer.BadParameter("Give either --month or --from and --to.")
        until = today if last is None else read_day(last)
        since = until.replace(day=1) if first is None else read_day(first)
        if since > until:
            raise typer.BadParameter("--to must not be before --from.")
        return since, until
    since = today.replace(day=1) if month is None else read_month(month)
    return since, (since + dt.timedelta(days=31)).replace(day=1) - dt.timedelta(days=1)
