"""`rasl jobs`: those that keep failing, and trying them again."""

from typing import Annotated

import typer

from rasl.cli.output import AsJson, show, table
from rasl.cli.session import opened
from rasl.services.operators import jobs

_COLUMNS = ("kind", "subdomain", "subject_id", "failures", "last_error", "set_aside_at", "due_at")
_VALUES = ("kind", "tenant_id", "subdomain", "subject_id", "failures", "last_error", "set_aside_at", "due_at")
_Kind = Annotated[str | None, typer.Option(help="Only this kind: send, media, import, ungroup.")]
_Tenant = Annotated[str | None, typer.Option(help="Only of this tenant: subdomain or id.")]

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(kind: _Kind = None, tenant: _Tenant = None, as_json: AsJson = False) -> None:
    """List jobs that keep failing, those set aside first."""
    with opened() as session:
        rows = session.run(lambda database: jobs.list_failing(database, kind, tenant))
    value = {"jobs": [{name: row[name] for name in _VALUES} for row in rows]}
    show(as_json, value, table(_COLUMNS, rows) if rows else "No job keeps failing.")


@app.command()
def retry(
    subject_id: Annotated[
        int | None, typer.Argument(metavar="[ID]", help="One job: the id of its message, import or group.")
    ] = None,
    kind: _Kind = None,
    tenant: _Tenant = None,
    is_all: Annotated[bool, typer.Option("--all", help="All that keep failing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Have jobs tried again at once that were put off or set aside; a message is still sent only once."""
    if not (is_all or kind or tenant or subject_id):
        raise typer.BadParameter("Name jobs by ID, --kind or --tenant, or say --all.")
    with opened() as session:
        count = session.run(lambda database: jobs.retry(database, kind, tenant, subject_id))
    show(as_json, {"retried": count}, f"{count} {'job is' if count == 1 else 'jobs are'} due now.")
