"""`rasl token`: create, list, show, change, rotate and revoke."""

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from rasl import clock
from rasl.cli.actor import command_actor
from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.session import opened
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Row
from rasl.domain import scopes as scope_names
from rasl.services.operators import tenants, tokens

_SHORT = {frozenset(scope_names.ALL_SCOPES): "all", frozenset(scope_names.READ_SCOPES): "all that only read"}
_COLUMNS = (
    "id",
    "name",
    "last_four",
    "state",
    "rate_limit_per_minute",
    "last_used_at",
    "expires_at",
    "allowed_cidrs",
    "scopes",
)
_HEADINGS = ("id", "name", "ends with", "state", "per minute", "last used", "expires", "from", "scopes")

_NONE = "none"
TokenId = Annotated[int, typer.Argument(help="Id of the token, as `rasl token list` shows it.")]
Allow = Annotated[
    list[str] | None,
    typer.Option(
        "--allow", help="A network or address it may be used from, such as 203.0.113.0/24; may be repeated."
    ),
]

app = typer.Typer(no_args_is_help=True)


@app.command()
def create(
    tenant: TenantOption,
    name: Annotated[str, typer.Option(help="What the token is for.")],
    scopes: Annotated[str, typer.Option(help="`all`, or scopes separated by commas.")],
    expires_in_days: Annotated[
        float | None, typer.Option(help="Lifetime; without it the token does not expire.")
    ] = None,
    rate_limit: Annotated[int, typer.Option(help="Requests a minute.")] = 60,
    allow: Allow = None,
    as_json: AsJson = False,
) -> None:
    """Create a token. It is shown this once: only its hash is kept."""
    granted, allowed = _scopes(scopes), tokens.read_networks(allow or ())
    with opened() as session:
        row, minted = session.run_for(
            tenant,
            lambda database, tenant_id: tenants.create_token(
                database, tenant_id, name, granted, rate_limit, expires_in_days, command_actor(), allowed
            ),
        )
    value = {
        "id": minted.id,
        "token": minted.text,
        "tenant_id": row["id"],
        "name": name.strip(),
        "last_four": minted.last_four,
        "scopes": list(granted),
        "rate_limit_per_minute": rate_limit,
        "expires_at": minted.expires_at,
        "allowed_cidrs": allowed,
    }
    show(
        as_json,
        value,
        f"Token {minted.id} of {row['subdomain']}, shown only now:",
        "",
        f"  {minted.text}",
        "",
    )


@app.command("list")
def list_(tenant: TenantOption, as_json: AsJson = False) -> None:
    """List the tokens of a tenant by their last four characters."""
    with opened() as session:
        row, rows = session.query_for(tenant, tenant_rows.list_tokens)
    found = [described(item) for item in rows]
    shown = tokens_table(found) if found else f"{row['subdomain']} has no token yet."
    show(as_json, {"tenant_id": row["id"], "tokens": found}, shown)


@app.command("show")
def show_(tenant: TenantOption, token_id: TokenId, as_json: AsJson = False) -> None:
    """Show a token: what it may do, how often, until when and from where; never its text."""
    with opened() as session:
        _, found = session.query_for(tenant, lambda db, tenant_id: tokens.get_token(db, tenant_id, token_id))
    _show(as_json, dict(found), f"Token {token_id}:")


@app.command()
def change(
    tenant: TenantOption,
    token_id: TokenId,
    name: Annotated[str | None, typer.Option(help="What the token is for.")] = None,
    scopes: Annotated[str | None, typer.Option(help="`all`, or scopes separated by commas.")] = None,
    expires_at: Annotated[
        str | None, typer.Option(help="A moment such as 2027-01-31T12:00:00Z, or none.")
    ] = None,
    rate_limit: Annotated[int | None, typer.Option(help="Requests a minute.")] = None,
    allow: Allow = None,
    as_json: AsJson = False,
) -> None:
    """Change a token; what is not named stays. In force within a second; `--allow none` is from everywhere.

    rasl token change --tenant acme 3 --allow 203.0.113.0/24 --rate-limit 600
    """
    given: dict[str, Any] = {} if name is None else {"name": name}
    if scopes is not None:
        given["scopes"] = _scopes(scopes)
    if expires_at is not None:
        given["expires_at"] = None if expires_at == _NONE else expires_at
    if rate_limit is not None:
        given["rate_limit_per_minute"] = rate_limit
    if allow:
        given["allowed_cidrs"] = [] if allow == [_NONE] else tokens.read_networks(allow)
    with opened() as session:
        _, found = session.run_for(
            tenant,
            lambda database, tenant_id: tokens.change_token(
                database, tenant_id, token_id, given, command_actor()
            ),
        )
    _show(as_json, dict(found), f"Changed token {token_id}:")


def _scopes(text: str) -> tuple[str, ...]:
    try:
        return scope_names.parse(text)
    except ValueError as error:
        raise tenants.OperatorError(str(error)) from None


def _show(as_json: bool, token: dict[str, Any], first: str) -> None:
    cells = {**token, "scopes": _SHORT.get(frozenset(token["scopes"])) or ", ".join(token["scopes"])}
    cells["allowed_cidrs"] = ", ".join(token["allowed_cidrs"]) or "everywhere"
    lines = [f"  {name}: {'none' if value is None else value}" for name, value in cells.items()]
    show(as_json, token, first, *lines)


@app.command()
def revoke(
    tenant: TenantOption,
    token_id: Annotated[
        int | None, typer.Argument(help="Id of the token, as `rasl token list` shows it.")
    ] = None,
    id_: Annotated[int | None, typer.Option("--id", help="The same as an option.")] = None,
    as_json: AsJson = False,
) -> None:
    """Revoke a token; it stops working within a second."""
    wanted = id_ if id_ is not None else token_id
    if wanted is None or (token_id is not None and id_ is not None and token_id != id_):
        raise typer.BadParameter("Name one token by its id.")
    with opened() as session:
        row, _ = session.query_for(
            tenant, lambda db, tenant_id: tenants.revoke_token(db, tenant_id, wanted, command_actor())
        )
    value = {"id": wanted, "tenant_id": row["id"], "revoked": True}
    show(as_json, value, f"Revoked token {wanted} of {row['subdomain']}.")


@app.command()
def rotate(
    tenant: TenantOption,
    token_id: TokenId,
    overlap: Annotated[
        str, typer.Option(help="How long the old one works on: 30m, 24h, 7d, or 0 to end it now.")
    ] = "24h",
    as_json: AsJson = False,
) -> None:
    """Make a token like this one, to be put in its place; the old one ends after the overlap.

    Name, scopes, rate limit and lifetime are those of the old one. The new one is shown this once.

    rasl token rotate --tenant acme 3 --overlap 7d
    """
    pause = _duration(overlap)
    with opened() as session:
        row, minted = session.run_for(
            tenant,
            lambda database, tenant_id: tenants.rotate_token(
                database, tenant_id, token_id, pause, command_actor()
            ),
        )
    value = {
        "id": minted.id,
        "token": minted.text,
        "tenant_id": row["id"],
        "name": minted.name,
        "last_four": minted.last_four,
        "expires_at": minted.expires_at,
        "replaces": {"id": token_id, "expires_at": minted.old_expires_at},
    }
    ends = minted.old_expires_at.astimezone().strftime("%Y-%m-%d %H:%M") if minted.old_expires_at else "now"
    show(
        as_json,
        value,
        f"Token {minted.id} of {row['subdomain']} in place of {token_id}, shown only now:",
        "",
        f"  {minted.text}",
        "",
        f"Token {token_id} ends {ends}; `rasl token revoke` ends it at once.",
    )


_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DURATION = re.compile(r"(\d{1,6})([smhd])|0")


def _duration(text: str) -> dt.timedelta:
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise typer.BadParameter("--overlap is a number with its unit: 30m, 24h, 7d, or 0.")
    return dt.timedelta(seconds=int(found[1]) * _UNITS[found[2]] if found[1] else 0)


def tokens_table(found: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out tokens, of all scopes or of those that only read in short."""
    cells = [{**token, "scopes": _SHORT.get(frozenset(token["scopes"]), token["scopes"])} for token in found]
    return table(_COLUMNS, cells, _HEADINGS)


def described(row: Row) -> dict[str, Any]:
    """Return what a token is known by, and whether it works."""
    token = dict(row)
    is_expired = token["expires_at"] is not None and token["expires_at"] <= clock.now()
    token["state"] = "revoked" if token["revoked_at"] else "expired" if is_expired else "active"
    return token
