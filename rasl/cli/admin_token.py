"""`rasl admin-token`: create, list, rotate and revoke tokens for the operator API."""

from typing import Annotated, Any

import typer

from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, show, table
from rasl.cli.session import opened
from rasl.cli.token import duration
from rasl.db import admin_tokens as rows
from rasl.sandbox import as_running
from rasl.services.operators import admin_tokens
from rasl.services.operators.admin_tokens import Minted
from rasl.settings import Settings
from rasl.start.listening import admin_url

_COLUMNS = ("id", "name", "last_four", "state", "allowed_cidrs", "last_used_at", "expires_at")
_HEADINGS = ("id", "name", "ends with", "state", "only from", "last used", "expires")
_TokenId = Annotated[int, typer.Argument(help="Id of the token, as `rasl admin-token list` shows it.")]

app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Option(help="What the token is for.")],
    expires_in_days: Annotated[
        float | None, typer.Option(help="Lifetime; without it the token does not expire.")
    ] = None,
    allowed_cidr: Annotated[
        list[str] | None,
        typer.Option(help="A network it may be used from, such as 203.0.113.0/24; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a token for the operator API. It is shown this once: only its hash is kept.

    It may do all that operators may do with every tenant: give it to a billing system, never to a tenant.
    """
    with opened() as session:
        minted = session.run(
            lambda database: admin_tokens.create(
                database, command_actor(), name, expires_in_days, allowed_cidr or ()
            )
        )
        where = _where(as_running(session.settings))
    first = f"Admin token {minted.row['id']}, shown only now:"
    show(as_json, _value(minted), first, "", f"  {minted.text}", "", where)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens of the operator API by their last four characters."""
    with opened() as session:
        found = session.query(rows.list_all)
    shown = table(_COLUMNS, found, _HEADINGS) if found else "There is no admin token yet."
    show(as_json, {"admin_tokens": [dict(row) for row in found]}, shown)


@app.command()
def rotate(
    token_id: _TokenId,
    overlap: Annotated[
        str, typer.Option(help="How long the old one works on: 30m, 24h, 7d, or 0 to end it now.")
    ] = "24h",
    as_json: AsJson = False,
) -> None:
    """Make a token like this one, to be put in its place; the old one ends after the overlap.

    rasl admin-token rotate 2 --overlap 1h
    """
    pause = duration(overlap)
    with opened() as session:
        minted = session.run(lambda database: admin_tokens.rotate(database, command_actor(), token_id, pause))
    value = _value(minted) | {"replaces": {"id": token_id, "expires_at": minted.old_expires_at}}
    first = f"Admin token {minted.row['id']} in place of {token_id}, shown only now:"
    show(as_json, value, first, "", f"  {minted.text}", "")


@app.command()
def revoke(token_id: _TokenId, as_json: AsJson = False) -> None:
    """Revoke a token of the operator API; it stops working at once."""
    with opened() as session:
        session.run(lambda database: admin_tokens.revoke(database, command_actor(), token_id))
    show(as_json, {"id": token_id, "revoked": True}, f"Revoked admin token {token_id}.")


def _value(minted: Minted) -> dict[str, Any]:
    names = ("id", "name", "last_four", "allowed_cidrs", "expires_at")
    return {"token": minted.text, **{name: minted.row[name] for name in names}}


def _where(settings: Settings) -> str:
    """Say where the operator API is, as far as the settings of this command tell."""
    if not settings.admin_port:
        return "The operator API is off: set RASL_ADMIN_PORT and start `rasl serve` again."
    base = admin_url(settings) if settings.has_own_admin_port else settings.base_url
    return f"The operator API: {base}/api/admin/v1 (docs/operator-api.md)."
