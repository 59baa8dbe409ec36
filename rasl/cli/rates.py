"""`rasl rates`: the rate cards that price what the ledger of costs counts."""

import datetime as dt
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, show, table
from rasl.cli.session import opened
from rasl.domain.csv_files import write_row
from rasl.services.operators import rates
from rasl.services.operators.tenants import OperatorError

OwnerOption = Annotated[
    str | None,
    typer.Option(
        "--tenant", help="Subdomain or id of the tenant whose own cards are meant; else the server's."
    ),
]
_COLUMNS = ("valid_from", "currency", "rates", "name")

app = typer.Typer(no_args_is_help=True)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="A CSV file, or - for standard input.")],
    tenant: OwnerOption = None,
    name: Annotated[
        str | None,
        typer.Option(help="Where its figures come from, for those who read costs; else the file's name."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring in rate cards. One that is valid from the same day is replaced; with any mistake nothing is applied.

    rasl rates import october.csv --name "Meta, October 2026"
    """
    content = _content(file)
    with opened() as session:
        cards = session.run(
            lambda database: rates.import_cards(database, command_actor(), tenant, content, name or file.name)
        )
    _show(as_json, cards, "Imported:")


@app.command("list")
def list_(tenant: OwnerOption = None, as_json: AsJson = False) -> None:
    """List the rate cards, oldest first. Each is valid until the day before the next."""
    with opened() as session:
        cards = session.query(lambda db: rates.list_cards(db, tenant))
    _show(
        as_json,
        cards,
        "Rate cards:" if cards else "There is no rate card: `rasl rates sample` shows how one looks.",
    )


@app.command()
def export(
    tenant: OwnerOption = None,
    valid_from: Annotated[str | None, typer.Option(help="Only the card that is valid from this day.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print rate cards as CSV, to be changed and imported again."""
    day = None if valid_from is None else read_day(valid_from)
    with opened() as session:
        lines = session.query(lambda db: rates.export_cards(db, tenant, day))
    if as_json:
        headings, *rows = lines
        show(as_json, {"rates": [dict(zip(headings, row, strict=True)) for row in rows]})
        return
    sys.stdout.write("".join(map(write_row, lines)))


@app.command()
def delete(
    valid_from: Annotated[
        str, typer.Argument(help="The day that the card is valid from, such as 2026-10-01.")
    ],
    tenant: OwnerOption = None,
    as_json: AsJson = False,
) -> None:
    """Delete a rate card; its days are priced by the one before it, if there is one."""
    day = read_day(valid_from)
    with opened() as session:
        session.run(lambda database: rates.delete_card(database, command_actor(), tenant, day))
    show(as_json, {"valid_from": day, "deleted": True}, f"Deleted the rate card that was valid from {day}.")


@app.command()
def sample(as_json: AsJson = False) -> None:
    """Print a rate card with invented figures, to see how one looks."""
    text = rates.SAMPLE.read_text()
    if as_json:
        show(as_json, {"csv": text})
        return
    sys.stdout.write(text)


def read_day(text: str) -> dt.date:
    """Read a day; raises BadParameter."""
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is no day: write it as 2026-10-01.") from None


def _content(file: Path) -> bytes:
    """Read a file, or what is piped in."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise OperatorError(f"{file} cannot be read: {error.strerror}") from None


def _show(as_json: bool, cards: Sequence[Mapping[str, Any]], first: str) -> None:
    shown = [{**card, "valid_from": card["valid_from"].isoformat()} for card in cards]
    show(as_json, {"rate_cards": cards}, first, *([table(_COLUMNS, shown)] if cards else []))
