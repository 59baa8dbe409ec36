"""`rasl migrate`."""

import asyncio
import os
from typing import Annotated

import typer

from rasl.cli.output import AsJson, progress, show
from rasl.db import schema
from rasl.settings import Settings, stray_variables
from rasl.start.database import migrate, reachable


def run(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; tell how the schema differs.")
    ] = False,
    adopt_key: Annotated[
        bool,
        typer.Option(
            "--adopt-key", help="Take the present secret key for the installation's: its own is lost."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database schema up to date (every command does), or check it."""
    if check and adopt_key:
        raise typer.BadParameter("--check changes nothing: leave out --adopt-key.")
    for line in stray_variables(os.environ):
        progress(f"warning: {line}")
    with reachable(Settings.from_environment(), progress) as found:
        if check:
            differences = asyncio.run(schema.drift(found.dsn))
        else:
            applied = migrate(found, progress, adopts_key=adopt_key)
    if not check:
        text = f"Applied {', '.join(applied)}." if applied else "The schema is up to date."
        show(as_json, {"applied": applied}, text)
        return
    text = (
        "The schema is as this version made it."
        if not differences
        else "The schema differs (- missing, + surplus):"
    )
    show(as_json, {"ok": not differences, "drift": differences}, text, *(f"  {item}" for item in differences))
    if differences:
        raise typer.Exit(1)
