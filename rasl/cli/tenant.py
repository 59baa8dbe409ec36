"""`rasl tenant`: create, list, show, set, suspend, resume, export and delete."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from rasl import clock
from rasl.cli import tenant_options as options
from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, TenantOption, bar_of, progress, show, size_of, table
from rasl.cli.plan import limit, warnings
from rasl.cli.session import opened
from rasl.cli.token import described, tokens_table
from rasl.db import numbers as number_rows
from rasl.db import tenants as tenant_rows
from rasl.db import usage as usage_rows
from rasl.db.pool import Database, Db, Row
from rasl.domain import tenant_settings
from rasl.domain.otp_budgets import BUDGET_NAMES
from rasl.domain.tenant_settings import RETENTION
from rasl.domain.tenants import LIMIT_NAMES, PLAN_LIMITS
from rasl.media_store.opening import open_store
from rasl.services.operators import deleting, plans, tenants
from rasl.services.operators.archives.backup import Done
from rasl.services.operators.deleting import Deleted
from rasl.start.signals import run_interruptibly, terminated_as_interrupted

_BILLED = ("plan", "subscription_status", "subscription_ends_at", "limit_overrides")
NUMBER_COLUMNS = ("id", "phone_number_id", "waba_id", "display_phone_number", "is_default", "created_at")
File = Annotated[
    Path | None,
    typer.Option(
        "--file", help="Archive to write, default tenant-<subdomain>-<time>.tar; none is overwritten."
    ),
]
app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="What people call the tenant.")],
    subdomain: Annotated[str, typer.Option(help="Short unique name: a-z, 0-9 and -.")],
    plan: Annotated[str, typer.Option(help="Name of a plan, as `rasl plan list` shows them.")] = "unlimited",
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

    async def ask(db: Db, tenant_id: int) -> tuple[Row, usage_rows.Counted, list[Row], list[Row]]:
        return (
            await tenant_rows.count_holdings(db, tenant_id),
            await usage_rows.load_usage(db, tenant_id),
            await number_rows.list_all(db, tenant_id),
            await tenant_rows.list_tokens(db, tenant_id),
        )

    with opened() as session:
        row, (holdings, usage, numbers, tokens) = session.query_for(tenant, ask)
    limits = {name: None if (value := holdings[name]) is None or value < 0 else value for name in PLAN_LIMITS}
    counts = {name: holdings[name] for name in ("templates", "groups", "jobs")}
    counts |= {"contacts": usage.contacts, "conversations_this_month": usage.conversations}
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


@app.command("change", hidden=True)  # as plans and tokens call it
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
    plan: Annotated[str | None, typer.Option(help="Name of a plan, as `rasl plan list` shows them.")] = None,
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


@app.command()
def plan(
    tenant: TenantOption,
    name: Annotated[str | None, typer.Argument(help="The plan; without it, it stays.")] = None,
    subscription: Annotated[
        str | None, typer.Option(help="active, expired or cancelled; none where nobody bills the tenant.")
    ] = None,
    ends_at: Annotated[
        str | None,
        typer.Option(help="End of the billing period: 2026-12-31, a moment with its offset, or none."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Assign a plan, and say how the subscription stands; in force within a second.

    rasl tenant plan --tenant acme gold --subscription active --ends-at 2026-12-31
    """
    changes: dict[str, Any] = {} if name is None else {"plan": name}
    if subscription is not None:
        changes["subscription_status"] = None if subscription == _NONE else subscription
    if ends_at is not None:
        changes["subscription_ends_at"] = None if ends_at == _NONE else plans.read_moment(ends_at)
    with opened() as session:
        row, above = session.run(lambda database: plans.assign(database, command_actor(), tenant, changes))
    lines = [f"  {key}: {'none' if row[key] is None else row[key]}" for key in _BILLED]
    show(
        as_json,
        _tenant(row) | {"exceeded": above},
        f"Changed tenant {row['subdomain']}:",
        *lines,
        *warnings(above),
    )


@app.command()
def override(
    tenant: TenantOption,
    name: Annotated[str, typer.Argument(help=f"The limit: {', '.join(LIMIT_NAMES)}.")],
    value: Annotated[str, typer.Argument(help="A number, unlimited, or none: the plan's again.")],
    as_json: AsJson = False,
) -> None:
    """Give one tenant a limit other than its plan's.

    rasl tenant override --tenant acme contacts 700
    """
    wanted = limit("VALUE", value)
    with opened() as session:
        row, above = session.run(
            lambda database: plans.override_limit(database, command_actor(), tenant, name, wanted)
        )
    said = f"has {value} {name}" if wanted is not None else f"has the {name} of its plan again"
    show(as_json, _tenant(row) | {"exceeded": above}, f"{row['subdomain']} {said}.", *warnings(above))


@app.command()
def suspend(tenant: TenantOption, as_json: AsJson = False) -> None:
    """Suspend a tenant: its tokens are refused and nothing is sent; what people write to it is kept."""
    _suspend(tenant, as_json, is_suspended=True)


@app.command()
def resume(tenant: TenantOption, as_json: AsJson = False) -> None:
    """Let a suspended tenant go on; what waited to be sent goes out."""
    _suspend(tenant, as_json, is_suspended=False)


@app.command()
def export(
    tenant: TenantOption,
    file: File = None,
    as_json: AsJson = False,
) -> None:
    """Write everything of a tenant, its files too, into one archive with checksums.

    Suspend it first where nothing it does may be missing. `rasl restore` brings the archive into an empty place.

    rasl tenant export --tenant acme --file acme.tar
    """
    with terminated_as_interrupted(), opened() as session, bar_of("Exporting") as bar:
        row = session.query(lambda db: tenants.get_tenant(db, tenant))
        path = file or _archive(row)
        store = open_store(session.settings)
        done = run_interruptibly(
            deleting.export_tenant(session.dsn, store, row["id"], path, bar.advance, bar.begin)
        )
    show(as_json, _exported(path, done), _told(path, done))


@app.command()
def delete(
    subdomain: Annotated[str, typer.Argument(help="Subdomain of the tenant.")],
    file: File = None,
    no_export: Annotated[
        bool, typer.Option("--no-export", help="Delete without writing its data into an archive first.")
    ] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Export a tenant, then delete it with everything of it, for good.

    Its tokens are refused at once, then its rows and files go, and its audit; the installation's audit keeps who
    deleted it. When this is interrupted, the same command goes on, and so does the worker by itself.

    rasl tenant delete acme --file acme.tar
    """
    if no_export and file is not None:
        raise typer.BadParameter("--no-export writes no --file.")
    if as_json and not is_sure:
        raise typer.BadParameter("--json asks nothing: give --yes.")
    actor = command_actor()
    with terminated_as_interrupted(), opened() as session:
        row = session.query(lambda db: tenant_rows.find_tenant(db, subdomain))
        if row is None:
            raise tenants.NotThereError(
                f"there is no tenant with the subdomain {subdomain!r}: `rasl tenant list` shows them all"
            )
        if not is_sure and typer.prompt(_WARNING.format(**dict(row)), err=True).strip() != subdomain:
            raise tenants.OperatorError(f"that is not {subdomain}: nothing was deleted")
        path, store = file or _archive(row), open_store(session.settings)

        async def act(database: Database) -> tuple[Done | None, Deleted]:
            done = None
            if not no_export:
                with bar_of("Exporting") as bar:
                    done = await deleting.export_and_shut(
                        session.dsn, database, store, subdomain, actor, path, bar.advance, bar.begin
                    )
            return done, await deleting.delete_tenant(database, store, subdomain, actor, None, _tell)

        done, deleted = session.run(act)
    value = {"id": row["id"], "subdomain": subdomain, "deleted": deleted.counts, "files": deleted.files}
    rows = sum(count for name, count in deleted.counts.items() if name != "files")
    show(
        as_json,
        value | {"export": None if done is None else _exported(path, done)},
        *([] if done is None else [_told(path, done)]),
        f"Deleted tenant {subdomain}: {rows:,} rows, {deleted.files:,} files.",
    )


_WARNING = (
    "Everything of {name} goes for good: contacts, messages, files, tokens, numbers.\n"
    "Type the subdomain, {subdomain}, to delete it"
)


def _archive(row: Row) -> Path:
    return Path(f"tenant-{row['subdomain']}-{clock.now():%Y%m%d-%H%M%S}.tar")


def _exported(path: Path, done: Done) -> dict[str, Any]:
    manifest = done.manifest
    return {
        "file": str(path),
        "bytes": done.size,
        "tables": {name: note.rows for name, note in manifest.tables.items()},
        "files": manifest.files,
        "missing_files": manifest.missing_files,
    }


def _told(path: Path, done: Done) -> str:
    return f"Wrote {path} ({size_of(done.size)}): {done.rows:,} rows, {done.manifest.files:,} files."


def _tell(name: str, count: int) -> None:
    progress(f"{name}: {count}")


def _suspend(tenant: str, as_json: bool, *, is_suspended: bool) -> None:
    with opened() as session:
        row = session.run(
            lambda database: plans.set_suspended(database, command_actor(), tenant, is_suspended=is_suspended)
        )
    show(as_json, _tenant(row), f"Tenant {row['subdomain']} is {row['status']}.")


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
    names = ("id", "subdomain", "name", "status", *_BILLED, "otp_budgets", "otp_max_attempts", "created_at")
    return {name: row[name] for name in names} | tenant_settings.shown(dict(row))
