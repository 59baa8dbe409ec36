"""`rasl purge`."""

from collections.abc import Sequence
from typing import Annotated, Any

import typer

from rasl.cli.output import AsJson, progress, show, table
from rasl.cli.session import opened
from rasl.db.pool import Database
from rasl.db.purging import Amount
from rasl.media_store.opening import open_store
from rasl.services.operators import purging
from rasl.services.operators.purging import PURGES, Outcome, Purge

_COLUMNS = ("KIND", "KEPT FOR", "ROWS", "FILES", "SIZE")
_UNITS = ("B", "KB", "MB", "GB", "TB")


def run(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would go, drop nothing.")] = False,
    kind: Annotated[list[str] | None, typer.Option(help="Only this kind; may be repeated.")] = None,
    as_json: AsJson = False,
) -> None:
    """Drop what is older than the settings say, as the worker does every five minutes."""
    chosen = _chosen(kind or ())
    with opened() as session:

        async def act(database: Database) -> list[Outcome]:
            ground = purging.Ground(database, open_store(session.settings))
            if dry_run:
                return await purging.survey(ground, session.settings, chosen)
            return await purging.run(ground, session.settings, chosen, _tell)

        outcomes = session.run(act)
    value = {"dry_run": dry_run, "purges": [_json(outcome) for outcome in outcomes]}
    show(as_json, value, table(_COLUMNS, [*map(_cells, outcomes)]))


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
    cells = (outcome.name, _kept_for(outcome), amount.rows, amount.files, _size(amount.bytes))
    return dict(zip(_COLUMNS, cells, strict=True))


def _kept_for(outcome: Outcome) -> str:
    after = outcome.after
    if outcome.is_chosen:
        return "as chosen"
    if after is None:
        return "for ever"
    return f"{after.days} days" if after.days else f"{after.seconds // 60} minutes"


def _size(count: int) -> str:
    size, unit = float(count), 0
    while size >= 1000 and unit < len(_UNITS) - 1:
        size, unit = size / 1000, unit + 1
    return f"{size:.1f} {_UNITS[unit]}" if unit else f"{count} B"
