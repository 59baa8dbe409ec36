"""`rasl quarantine`: list, show, retry."""

from typing import Annotated, Any

import typer

from rasl.cli.output import AsJson, show, table
from rasl.cli.session import opened
from rasl.db import ingests
from rasl.db.pool import Db, Row
from rasl.services.operators.tenants import NotThereError, OperatorError

_COLUMNS = ("id", "received_at", "app_id", "phone_number_id", "ingest_id", "can_be_retried", "reason")
_HEADINGS = ("ID", "Received", "App", "Number", "Delivery", "Can be retried", "Reason")

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most to show, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what was set aside, newest first, and the deliveries that keep failing."""

    async def ask(db: Db) -> tuple[list[Row], list[Row]]:
        return await ingests.list_quarantined(db, limit), await ingests.count_failing(db)

    with opened() as session:
        found, failing = session.query(ask)
    described = [_described(row) for row in found]
    cells = [row | {"can_be_retried": "yes" if row["can_be_retried"] else "no"} for row in described]
    lines = [
        f"{row['deliveries']} deliveries of app {row['app_id']} keep failing: {row['last_error']}"
        for row in failing
    ]
    value = {"quarantined": described, "failing": [dict(row) for row in failing]}
    shown = table(_COLUMNS, cells, _HEADINGS) if cells else "Nothing is in quarantine."
    show(as_json, value, shown, *lines)


@app.command("show")
def show_(
    quarantined_id: Annotated[int, typer.Argument(metavar="ID", help="Id from `rasl quarantine list`.")],
    as_json: AsJson = False,
) -> None:
    """Show one of them in full: the change, and the delivery it came in as far as that is kept."""
    with opened() as session:
        row = session.query(lambda db: _get(db, quarantined_id))
    body = None if row["body"] is None else row["body"].decode(errors="replace")
    value = {**_described(row), "change": row["change"], "body": body}
    show(as_json, value, *(f"{name}: {item}" for name, item in value.items()))


@app.command()
def retry(
    ids: Annotated[
        list[int] | None, typer.Argument(metavar="ID", help="Ids from `rasl quarantine list`.")
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Everything that can be retried.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let the worker apply the deliveries of these again, once what stood in the way is mended.

    What was applied of them already is not applied twice; what fails again comes back into quarantine.
    """
    if bool(ids) is is_all:
        raise typer.BadParameter("Name ids, or give --all.")

    async def act(db: Db) -> int:
        for quarantined_id in ids or ():
            if not (await _get(db, quarantined_id))["is_kept"]:
                raise OperatorError(f"The delivery of {quarantined_id} is not kept any more.")
        return await ingests.retry_quarantined(db, ids or None)

    with opened() as session:
        retried = session.query(act)
    show(as_json, {"retried": retried}, f"{retried} deliveries are due again; a worker applies them.")


def _described(row: Row) -> dict[str, Any]:
    names = ("id", "app_id", "ingest_id", "phone_number_id", "reason", "received_at")
    return {name: row[name] for name in names} | {"can_be_retried": row["is_kept"]}


async def _get(db: Db, quarantined_id: int) -> Row:
    row = await ingests.find_quarantined(db, quarantined_id)
    if row is None:
        raise NotThereError(f"Nothing in quarantine has the id {quarantined_id}.")
    return row
