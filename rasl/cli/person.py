"""`rasl person`: export and erase."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from rasl import clock
from rasl.cli.output import AsJson, TenantOption, show
from rasl.cli.session import opened
from rasl.db.pool import Database
from rasl.media_store.opening import open_store
from rasl.services.operators import people
from rasl.services.operators.people import Erased
from rasl.services.operators.tenants import get_tenant

app = typer.Typer(no_args_is_help=True)
Who = Annotated[
    str, typer.Argument(help="A phone with + and its country code, a contact's id, or a business-scoped id.")
]


@app.command()
def export(
    who: Who,
    tenant: TenantOption,
    file: Annotated[
        Path | None, typer.Option("--file", help="Archive to write, default person-<time>.tar.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everything about one person into one archive: JSON, and the files of their messages."""
    path = file or Path(f"person-{clock.now():%Y%m%d-%H%M%S}.tar")
    with opened() as session:
        row = session.query(lambda db: get_tenant(db, tenant))
        store = open_store(session.settings)
        done = asyncio.run(people.export(session.dsn, store, row["id"], who, row["default_country"], path))
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items())
    value = {"file": str(path), "tables": done.counts, "files": done.files}
    show(as_json, value, f"Wrote {path}: {counts}, {done.files} files.")


@app.command()
def erase(
    who: Who,
    tenant: TenantOption,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase one person everywhere, for good; who said STOP stays opted out."""
    if not yes and as_json:
        raise typer.BadParameter("--json asks nothing: give --yes.")
    with opened() as session:
        if not yes:
            typer.confirm(f"Erase everything about {who} of {tenant} for good?", abort=True, err=True)
        store = open_store(session.settings)

        async def act(database: Database) -> Erased:
            async with database.connection() as db:
                row = await get_tenant(db, tenant)
            return await people.erase(
                database, store, row["id"], who, row["default_country"], session.sealer.stop_key
            )

        done = session.run(act)
    counts = ", ".join(f"{count} {name}" for name, count in done.counts.items())
    lines = ["They had said STOP, and stay opted out if they come back."] if done.stops else []
    value = {"erased": done.counts, "files": done.files, "keeps_stop": done.stops > 0}
    show(as_json, value, f"Erased {counts}, {done.files} files.", *lines)
