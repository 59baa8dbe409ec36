"""`rasl purge`."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rasl.cli.output import AsJson, progress, show, size_of, table
from rasl.cli.session import opened
from rasl.db import tallies
from rasl.db.pool import Database, Db, Row
from rasl.db.purging import Amount
from rasl.media_store.opening import open_store
from rasl.services.operators import purging
from rasl.services.operators.purging import PURGES, Outcome, Purge
from rasl.services.operators.tenants import get_tenant

_COLUMNS = ("KIND", "KEPT FOR", "ROWS", "FILES", "SIZE")


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, drop nothing.")] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; may be repeated.")] = None,
    report: Annotated[
        bool, typer.Option("--report", help="Tell what went, of whom and when last; drop nothing.")
    ] = False,
    days: Annotated[int, typer.Option(min=1, max=400, help="With --report: the days that it is of.")] = 30,
    tenant: Annotated[
        str | None, typer.Option(help="With --report: of this tenant alone, by subdomain or id.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Drop what is older than the settings say, as the worker does every five minutes."""
    chosen = _chosen(kind or ())
    if report:
        _report(days, tenant, set(kind or ()), as_json)
        return
    if tenant is not None:
        raise typer.BadParameter("--tenant goes with --report.")
    with opened() as session:

        async def act(database: Database) -> list[Outcome]:
            ground = purging.Ground(database, open_store(session.settings))
            if dry_run:
                return await purging.survey(ground, session.settings, chosen)
            return await purging.run(ground, session.settings, chosen, _tell)

        outcomes = session.run(act)
    value = {"dry_run": dry_run, "purges": [_json(outcome) for outcome in outcomes]}
    show(as_json, value, table(_COLUMNS, [*map(_cells, outcomes)]))


_REPORTED = ("tenant", "kind", "rows", "rows_today", "files", "bytes", "last_at")
_HEADINGS = ("TENANT", "KIND", "ROWS", "TODAY", "FILES", "SIZE", "LAST")


def _report(days: int, tenant: str | None, kinds: set[str], as_json: bool) -> None:
    """Tell what purges dropped, the worker's too, by tenant and kind."""

    async def ask(db: Db) -> list[Row]:
        return await tallies.report(
            db, days, None if tenant is None else (await get_tenant(db, tenant))["id"]
        )

    with opened() as session:
        found = session.query(ask)
    lines = [
        {
            "tenant_id": row["tenant_id"] or None,
            "tenant": row["subdomain"] or (f"{row['tenant_id']} (deleted)" if row["tenant_id"] else None),
            "kind": row["kind"],
            **{name: row[name] or 0 for name in ("rows", "rows_today", "files", "bytes")},
            "last_at": row["last_at"],
        }
        for row in found
        if not kinds or row["kind"] in kinds
    ]
    cells = [{**line, "bytes": size_of(line["bytes"])} for line in lines]
    nothing = "No purge has run in this time: is `rasl worker` running?"
    show(as_json, {"days": days, "dropped": lines}, table(_REPORTED, cells, _HEADINGS) if cells else nothing)


def _chosen(names: Sequence[str]) -> Sequence[Purge]:
    known = {item.name: item for item in PURGES}
    if strangers := [name for name in names if name not in known]:
        raise typer.BadParameter(f"There is no kind {', '.join(strangers)}. Kinds: {', '.join(known)}.")
    return [item for item in PURGES if not names or item.name in names]


def _tell(name: str, total: Amount) -> None:
    if total.rows or total.files:
        progress(f"{name}: {total.rows} rows, {total.files} files")


def _json(outcome: Outcome) -> dict[str, Any]:
    return {
        "kind": outcome.name,
        "setting": outcome.variable,
        "kept_for_seconds": (
            None if outcome.after is None or outcome.is_chosen else round(outcome.after.total_seconds())
        ),
        "rows": outcome.amount.rows,
        "bytes": outcome.amount.bytes,
        "files": outcome.amount.files,
    }


def _cells(outcome: Outcome) -> dict[str, Any]:
    amount = outcome.amount
    cells = (outcome.name, _kept_for(outcome), amount.rows, amount.files, size_of(amount.bytes))
    return dict(zip(_COLUMNS, cells, strict=True))


def _kept_for(outcome: Outcome) -> str:
    after = outcome.after
    if outcome.is_chosen:
        return "as chosen"
    if after is None:
        return "for ever"
    return f"{after.days} days" if after.days else f"{after.seconds // 60} minutes"
