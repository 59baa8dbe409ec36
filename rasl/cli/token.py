"""`rasl token`: create, list and revoke."""

from typing import Annotated, Any

import typer

from rasl import clock
from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.session import opened
from rasl.db import tenants as tenant_rows
from rasl.db.pool import Row
from rasl.domain import scopes as scope_names
from rasl.services.operators import tenants

_SHORT = {frozenset(scope_names.ALL_SCOPES): "all", frozenset(scope_names.READ_SCOPES): "all that only read"}
_COLUMNS = (
    "id",
    "name",
    "last_four",
    "state",
    "rate_limit_per_minute",
    "last_used_at",
    "expires_at",
    "scopes",
)
_HEADINGS = ("id", "name", "ends with", "state", "per minute", "last used", "expires", "scopes")

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
    as_json: AsJson = False,
) -> None:
    """Create a token. It is shown this once: only its hash is kept."""
    try:
        granted = scope_names.parse(scopes)
    except ValueError as error:
        raise tenants.OperatorError(str(error)) from None

    with opened() as session:
        row, minted = session.run_for(
            tenant,
            lambda database, tenant_id: tenants.create_token(
                database, tenant_id, name, granted, rate_limit, expires_in_days
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
    tokens = [_token(item) for item in rows]
    cells = [token | {"scopes": _SHORT.get(frozenset(token["scopes"]), token["scopes"])} for token in tokens]
    shown = table(_COLUMNS, cells, _HEADINGS) if tokens else f"{row['subdomain']} has no token yet."
    show(as_json, {"tenant_id": row["id"], "tokens": tokens}, shown)


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
        row, _ = session.query_for(tenant, lambda db, tenant_id: tenants.revoke_token(db, tenant_id, wanted))
    value = {"id": wanted, "tenant_id": row["id"], "revoked": True}
    show(as_json, value, f"Revoked token {wanted} of {row['subdomain']}.")


def _token(row: Row) -> dict[str, Any]:
    token = dict(row)
    is_expired = token["expires_at"] is not None and token["expires_at"] <= clock.now()
    token["state"] = "revoked" if token["revoked_at"] else "expired" if is_expired else "active"
    return token
