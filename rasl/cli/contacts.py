"""`rasl contacts`: import and export CSV files."""

import contextlib
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer
from rich.console import Console
from rich.progress import Progress

from rasl.cli.output import AsJson, TenantOption, progress, show
from rasl.cli.session import opened
from rasl.db.jobs import Holding
from rasl.db.pool import Database, Row
from rasl.domain.list_reading import parse
from rasl.domain.records.contact import CONTACT_LIST
from rasl.services.contacts import exports
from rasl.services.imports import chunks, uploads
from rasl.services.imports.uploads import Upload
from rasl.services.operators.tenants import OperatorError

_COUNTS = ("total", "created", "updated", "skipped", "failed")
_SHOWN_ERRORS = 10

app = typer.Typer(no_args_is_help=True)


@app.command("import")
def import_(
    tenant: TenantOption,
    file: Annotated[Path, typer.Argument(help="CSV file with a header row.")],
    mapping: Annotated[
        str | None,
        typer.Option(help='JSON object from columns to fields: {"Tel": "phone", "Remarks": null}.'),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, write nothing.")] = False,
    on_duplicate: Annotated[str, typer.Option(help="A known phone: skip, update or fail-row.")] = "skip",
    default_source_id: Annotated[str, typer.Option(help="Source of rows that name none.")] = "",
    default_status_id: Annotated[str, typer.Option(help="Status of rows that name none.")] = "",
    kind: Annotated[str, typer.Option("--type", help="Type of new contacts: lead, customer, guest.")] = "",
    groups: Annotated[str, typer.Option(help="Comma-separated ids of groups to add every contact to.")] = "",
    delimiter: Annotated[str, typer.Option(help="auto, comma, semicolon, tab or pipe.")] = "auto",
    as_json: AsJson = False,
) -> None:
    """Import a CSV file, here and now; what is cut off, a worker goes on with."""
    options = uploads.read_options(
        {
            "mapping": mapping or "",
            "dry_run": "true" if dry_run else "false",
            "on_duplicate": on_duplicate,
            "default_source_id": default_source_id,
            "default_status_id": default_status_id,
            "type": kind,
            "groups": groups,
            "delimiter": delimiter,
        }
    )

    async def act(database: Database, tenant_id: int) -> tuple[Row, list[Row]]:
        with _opened(file) as content:
            upload = Upload(content, file.name)
            accepted = await uploads.accept(database, tenant_id, upload, options, chunks.LEASE)
        progress(f"Import {accepted.id} is stored; if this is cut off, a worker goes on with it.")
        await _apply(database, (tenant_id, accepted.id, 1))
        return await uploads.get_import(database, tenant_id, accepted.id)

    with opened() as session:
        _, (row, errors) = session.run_for(tenant, act)
    value = {"id": row["id"], "status": row["status"], "dry_run": row["is_dry_run"]}
    value |= {name: row[name] for name in _COUNTS}
    value["errors"] = [{"row": item["row_number"], "reasons": list(item["reasons"])} for item in errors]
    lines = [f"row {item['row_number']}: {'; '.join(item['reasons'])}" for item in errors[:_SHOWN_ERRORS]]
    if row["failed"] > len(lines):
        lines.append(f"... and {row['failed'] - len(lines)} more: GET /contacts/imports/{row['id']}/errors")
    summary = ", ".join(f"{row[name]} {name}" for name in _COUNTS[1:])
    show(as_json, value, f"{'Would have come to' if dry_run else 'Imported'}: {summary}.", *lines)


async def _apply(database: Database, holding: Holding) -> None:
    _, import_id, _ = holding
    # On standard error, so that --json prints one object only.
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Importing", total=None)

        def advance(row: Row) -> None:
            done = row["created"] + row["updated"] + row["skipped"] + row["failed"]
            bar.update(task, total=row["total"], completed=done)

        try:
            await chunks.apply(database, holding, progress=advance)
        except chunks.LostError:
            raise OperatorError(f"A worker took import {import_id} over; it goes on there") from None
        except BaseException:
            await chunks.give_back(database, holding)
            raise


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise OperatorError(f"{path} cannot be read: {error.strerror}") from None


@app.command()
def export(
    tenant: TenantOption,
    file: Annotated[str, typer.Argument(help="Where to write, - for standard output.")] = "-",
    search: Annotated[str, typer.Option(help="Only contacts that this is found in.")] = "",
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", help="Such as group_id=3 or status_id[in]=1,2; repeatable."),
    ] = None,
    bom: Annotated[bool, typer.Option("--bom", help="Begin with a byte order mark.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write contacts as CSV; importing the file again changes nothing."""
    if as_json and file == "-":
        raise typer.BadParameter("--json needs a file to write the contacts to.")
    pairs = [("search", search), *(_filter(text) for text in filters or [])]
    query = parse(pairs, CONTACT_LIST, is_strict=True)

    async def act(database: Database, tenant_id: int) -> int:
        found = await exports.begin(database, tenant_id, query, bom)
        return await _write(database, found, file)

    with opened() as session:
        _, size = session.run_for(tenant, act)
    if file != "-":
        value: dict[str, Any] = {"file": file, "bytes": size}
        show(as_json, value, f"Wrote {file} ({size:,} bytes).")


async def _write(database: Database, found: exports.Export, file: str) -> int:
    size = 0
    stdout = contextlib.nullcontext(sys.stdout.buffer)
    try:
        with stdout if file == "-" else Path(file).open("wb") as out:  # noqa: ASYNC230 - nothing else runs here
            async for part in exports.lines(database, found):
                size += out.write(part)
            out.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OperatorError(f"{file} cannot be written: {error.strerror}") from None
    return size


def _filter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise typer.BadParameter(f"{text}: write --filter FIELD=VALUE or FIELD[OP]=VALUE.")
    field, bracket, rest = name.partition("[")
    return f"filter[{field}]{bracket}{rest}", value
