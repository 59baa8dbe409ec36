"""`rasl tenant`: create, list, show and set."""

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from rasl.cli import tenant_options as options
from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.session import opened
from rasl.cli.token import described, tokens_table
from rasl.db import numbers as number_rows
from rasl.db import recipients
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Db, Row
from rasl.domain import tenant_settings
from rasl.domain.otp_budgets import BUDGET_NAMES
from rasl.domain.tenant_settings import RETENTION
from rasl.domain.tenants import PLAN_LIMITS
from rasl.services.operators import tenants

NUMBER_COLUMNS = ("id", "phone_number_id", "waba_id", "display_phone_number", "is_default", "created_at")
app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call the tenant.")],
    subdomain: Annotated[str, typer.Option(help="Short unique name: a-z, 0-9 and -.")],
    plan: Annotated[str, typer.Option(help="free or unlimited.")] = "unlimited",
    as_json: AsJson = False,
) -> None:
    """Create a tenant with its first sources, contact statuses and defaults."""
    with opened() as session:
        row = session.run(
            lambda database: tenants.create_tenant(database, name, subdomain, plan, command_actor())
        )
    show(
        as_json,
        _tenant(row),
        f"Created tenant {row['name']} (subdomain {row['subdomain']}, id {row['id']}).",
        f"Next: rasl token create --tenant {row['subdomain']} --name first --scopes all",
    )


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List every tenant."""
    with opened() as session:
        rows = session.query(tenant_rows.list_tenants)
    columns = ("id", "subdomain", "name", "plan", "status", "numbers")
    value = {"tenants": [{**_tenant(row), "numbers": row["numbers"]} for row in rows]}
    shown = table(columns, rows)
    show(as_json, value, shown if rows else "There is no tenant yet: rasl tenant create NAME --subdomain S")


@app.command("show")
def show_(tenant: TenantOption, as_json: AsJson = False) -> None:
    """Show a tenant: its settings, what its plan allows, its numbers, its tokens without secrets, how much it has.

    rasl tenant show --tenant acme
    """

    async def ask(db: Db, tenant_id: int) -> tuple[Row, Row, list[Row], list[Row]]:
        return (
            await tenant_rows.count_holdings(db, tenant_id),
            await recipients.load_usage(db, tenant_id),
            await number_rows.list_all(db, tenant_id),
            await tenant_rows.list_tokens(db, tenant_id),
        )

    with opened() as session:
        row, (holdings, usage, numbers, tokens) = session.query_for(tenant, ask)
    limits = {name: holdings[name] if holdings[name] >= 0 else None for name in PLAN_LIMITS}
    counts = {name: holdings[name] for name in ("templates", "groups", "jobs")}
    counts |= {"contacts": usage["contacts"], "conversations_this_month": usage["conversations"]}
    value = {
        **_tenant(row),
        "limits": limits,
        "counts": counts,
        "numbers": [{name: item[name] for name in NUMBER_COLUMNS} for item in numbers],
        "tokens": [described(item) for item in tokens],
    }
    flat = (
        _tenant(row) | {name: "no limit" if item is None else item for name, item in limits.items()} | counts
    )
    lines = [f"  {name}: {'none' if item is None else item}" for name, item in flat.items()]
    none = ("", f"No number yet: rasl whatsapp connect --tenant {row['subdomain']}")
    show(
        as_json,
        value,
        f"{row['name']} ({row['subdomain']})",
        *lines,
        *(("", table(NUMBER_COLUMNS, numbers)) if numbers else none),
        *(("", tokens_table(value["tokens"])) if tokens else ("", "No token yet.")),
    )


@app.command("set")
def set_(
    tenant: TenantOption,
    default_country: options.DefaultCountry = None,
    window_policy: options.WindowPolicy = None,
    fallback_template: options.Fallback = None,
    unknown_policy: options.UnknownPolicy = None,
    default_status_id: options.DefaultStatusId = None,
    default_source_id: options.DefaultSourceId = None,
    default_assigned_id: options.DefaultAssignedId = None,
    default_type: options.DefaultType = None,
    time_zone: options.TimeZone = None,
    language: options.Language = None,
    stop_word: options.StopWord = None,
    start_word: options.StartWord = None,
    retention_days: options.RetentionDays = None,
    webhook_format: options.WebhookFormat = None,
    otp_budget: options.OtpBudget = None,
    otp_max_attempts: options.OtpMaxAttempts = None,
    otp_return_generated_code: options.ShowsCodes = None,
    plan: Annotated[str | None, typer.Option(help="free or unlimited.")] = None,
    name: Annotated[str | None, typer.Option(help="What people call the tenant.")] = None,
    status: options.Status = None,
    as_json: AsJson = False,
) -> None:
    """Change settings of a tenant; what is not named stays, and the audit keeps what was before."""
    given = {
        "default_country": default_country,
        "window_policy": window_policy,
        "fallback_template": fallback_template,
        "unknown_policy": unknown_policy,
        "default_status_id": default_status_id,
        "default_source_id": default_source_id,
        "default_assigned_id": default_assigned_id,
        "default_type": default_type,
        "time_zone": time_zone,
        "language": language,
        "webhook_format": webhook_format,
        "otp_max_attempts": _number_or_none("--otp-max-attempts", otp_max_attempts),
        "otp_return_generated_code": otp_return_generated_code,
        "plan": plan,
        "name": name,
        "status": status,
    }
    changes: dict[str, Any] = {
        key: None if value == _NONE else value for key, value in given.items() if value is not None
    }
    changes |= {
        key: None if words == [_NONE] else words
        for key, words in (("stop_words", stop_word), ("start_words", start_word))
        if words
    }
    if retention_days:
        changes["retention_days"] = _numbers("--retention-days", retention_days, RETENTION)
    if otp_budget:
        changes["otp_budgets"] = _numbers("--otp-budget", otp_budget, BUDGET_NAMES)
    _change(tenant, changes, as_json)


def _change(tenant: str, changes: dict[str, Any], as_json: bool) -> None:
    actor = command_actor()
    with opened() as session:
        row = session.run(
            lambda database: tenants.change_tenant(database, session.settings, tenant, changes, actor)
        )
    told = _tenant(row)
    lines = [f"  {key}: {'none' if told[key] is None else told[key]}" for key in changes]
    show(as_json, told, f"Changed tenant {row['subdomain']}:", *lines)


_NONE = "none"


def _numbers(option: str, given: list[str], names: Iterable[str]) -> dict[str, int | None]:
    """Read NAME=NUMBER options; `none` stands for all names, or for no number of its own."""
    changes: dict[str, int | None] = {}
    for text in given:
        name, _, number = text.partition("=")
        if text == _NONE:
            changes |= dict.fromkeys(names)
        elif number == _NONE:
            changes[name] = None
        elif number.isascii() and number.isdecimal():
            changes[name] = int(number)
        else:
            raise typer.BadParameter(f"{option} must be NAME=NUMBER, NAME=none or none.")
    return changes


def _number_or_none(option: str, text: str | None) -> int | str | None:
    if text is None or text == _NONE:
        return text
    if not (text.isascii() and text.isdecimal()):
        raise typer.BadParameter(f"{option} must be a number or none.")
    return int(text)


def _tenant(row: Row) -> dict[str, Any]:
    names = ("id", "subdomain", "name", "plan", "status", "otp_budgets", "otp_max_attempts", "created_at")
    return {name: row[name] for name in names} | tenant_settings.shown(dict(row))
