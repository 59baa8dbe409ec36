"""`rasl plan`: list, show, create, change and delete."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, show, table
from rasl.cli.session import opened
from rasl.db import tenant_plans
from rasl.db.pool import Row
from rasl.domain.tenants import LIMIT_NAMES, PLAN_SWITCHES
from rasl.services.operators import plans
from rasl.services.operators.plans import Exceeded

UNLIMITED, NONE = "unlimited", "none"
Name = Annotated[str, typer.Argument(help="Name of the plan.")]
Title = Annotated[str | None, typer.Option(help="What tenants see it called.")]
Contacts = Annotated[str | None, typer.Option(help="Contacts: a number or unlimited.")]
Conversations = Annotated[str | None, typer.Option(help="Conversations a month: a number or unlimited.")]
Campaigns = Annotated[
    str | None, typer.Option(help="Active campaigns: a number, unlimited, or none (not set).")
]
Staff = Annotated[str | None, typer.Option(help="Team members: a number, unlimited, or none (not set).")]
ApiCalls = Annotated[
    str | None,
    typer.Option(help="Requests a minute of all tokens together: a number, unlimited, or none (not set)."),
]
Switch = Annotated[bool | None, typer.Option(help="Whether the plan includes it.")]

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the plans with how many tenants have each."""
    with opened() as session:
        rows = session.query(tenant_plans.list_all)
    columns = ("name", "title", *(f"max_{name}" for name in LIMIT_NAMES), "tenants")
    headings = ("name", "title", *LIMIT_NAMES, "tenants")
    shown = [{**row, **{f"max_{name}": _text(row[f"max_{name}"]) for name in LIMIT_NAMES}} for row in rows]
    show(as_json, {"plans": [_plan(row) for row in rows]}, table(columns, shown, headings))


@app.command("show")
def show_(name: Name, as_json: AsJson = False) -> None:
    """Show a plan."""
    with opened() as session:
        row = session.query(lambda db: plans.get_plan(db, name))
    _show(as_json, row, f"{row['title']} ({row['name']})")


@app.command()
def create(
    name: Name,
    title: Title = None,
    contacts: Contacts = None,
    conversations: Conversations = None,
    campaigns: Campaigns = None,
    staff: Staff = None,
    api_calls_per_minute: ApiCalls = None,
    whatsapp_templates: Switch = None,
    bulk_messaging: Switch = None,
    chatbot: Switch = None,
    advanced_analytics: Switch = None,
    custom_branding: Switch = None,
    as_json: AsJson = False,
) -> None:
    """Create a plan; what is not named has no limit, and is included."""
    values = _values(locals())
    with opened() as session:
        row = session.run(lambda database: plans.create_plan(database, command_actor(), name, values))
    _show(as_json, row, f"Created plan {row['name']}:")


@app.command()
def change(
    name: Name,
    title: Title = None,
    contacts: Contacts = None,
    conversations: Conversations = None,
    campaigns: Campaigns = None,
    staff: Staff = None,
    api_calls_per_minute: ApiCalls = None,
    whatsapp_templates: Switch = None,
    bulk_messaging: Switch = None,
    chatbot: Switch = None,
    advanced_analytics: Switch = None,
    custom_branding: Switch = None,
    as_json: AsJson = False,
) -> None:
    """Change a plan for all who have it; what is not named stays. In force within a second."""
    values = _values(locals())
    with opened() as session:
        row, above = session.run(lambda database: plans.change_plan(database, command_actor(), name, values))
    _show(as_json, row, f"Changed plan {row['name']}:", above)


@app.command()
def delete(name: Name, as_json: AsJson = False) -> None:
    """Delete a plan that no tenant has."""
    with opened() as session:
        session.run(lambda database: plans.delete_plan(database, command_actor(), name))
    show(as_json, {"name": name, "deleted": True}, f"Deleted plan {name}.")


def limit(option: str, text: str) -> int | None:
    """Read a limit: a number, unlimited (-1) or none."""
    if text == UNLIMITED:
        return -1
    if text == NONE:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise typer.BadParameter(f"{option} must be a number, {UNLIMITED} or {NONE}.")
    return int(text)


def warnings(above: Sequence[Exceeded]) -> list[str]:
    """Say which limits are below what is in use."""
    return ["", *(f"Note: {item}" for item in above)] if above else []


def _values(given: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that were named."""
    values = {
        f"max_{name}": limit(f"--{name.replace('_', '-')}", given[name])
        for name in LIMIT_NAMES
        if given[name] is not None
    }
    return values | {name: given[name] for name in ("title", *PLAN_SWITCHES) if given[name] is not None}


def _text(value: int | None) -> str:
    return NONE if value is None else UNLIMITED if value < 0 else str(value)


def _plan(row: Row) -> dict[str, Any]:
    return {
        "id": row["id"],
        "name": row["name"],
        "title": row["title"],
        "limits": {name: row[f"max_{name}"] for name in LIMIT_NAMES},
        "features": {name: row[name] for name in PLAN_SWITCHES},
        "tenants": row["tenants"],
    }


def _show(as_json: bool, row: Row, first: str, above: Sequence[Exceeded] = ()) -> None:
    lines = [f"  {name}: {_text(row[f'max_{name}'])}" for name in LIMIT_NAMES]
    lines += [f"  {name}: {'yes' if row[name] else 'no'}" for name in PLAN_SWITCHES]
    show(
        as_json,
        _plan(row) | {"exceeded": above},
        first,
        *lines,
        f"  tenants: {row['tenants']}",
        *warnings(above),
    )
