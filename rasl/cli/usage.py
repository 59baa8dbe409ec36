"""`rasl usage`: what tenants use, for whoever bills them."""

import datetime as dt
import sys
from typing import Annotated

import typer

from rasl.cli.output import AsJson, show
from rasl.cli.session import opened
from rasl.services.operators import usage

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
        lines = session.query(lambda db: usage.report(db, wanted))
    if as_json:
        show(as_json, {"tenants": lines})
        return
    sys.stdout.writelines(usage.as_csv(lines))


def read_month(text: str) -> dt.date:
    """Read a month and return its first day; raises BadParameter."""
    try:
        return usage.read_month(text)
    except ValueError as error:
        raise typer.BadParameter(f"--month {error}.") from None
