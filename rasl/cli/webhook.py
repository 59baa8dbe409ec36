"""`rasl webhook`: list, show, deliveries, replay."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import typer

from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.session import opened
from rasl.db.pool import Row
from rasl.domain.listing import Filter, ListQuery
from rasl.services.operators.plans import read_moment
from rasl.services.webhooks import deliveries, endpoints

_COLUMNS = ("id", "url", "events", "format", "is_active", "failing_since", "disabled_reason")
_TOLD = ("id", "created_at", "event_type", "state", "attempts", "status", "error")
_NEWEST_FIRST = (("created_at", True),)
_LARGEST_ID = 2**63 - 1
WebhookId = Annotated[
    int, typer.Argument(metavar="ID", min=1, max=_LARGEST_ID, help="Id from `rasl webhook list`.")
]


State = Literal["pending", "delivered", "failed", "dropped"]
Over = Literal["delivered", "failed", "dropped", "all"]

app = typer.Typer(no_args_is_help=True)


@app.command("list")
def list_(tenant: TenantOption, as_json: AsJson = False) -> None:
    """List the webhooks of a tenant, newest first."""
    query = ListQuery(per_page=1000, sorts=_NEWEST_FIRST)
    with opened() as session:
        row, page = session.run_for(
            tenant,
            lambda database, tenant_id: endpoints.list_endpoints(database, session.sealer, tenant_id, query),
        )
    found = [_values(it) for it in page.rows]
    shown = table(_COLUMNS, found) if found else f"{row['subdomain']} has no webhook yet."
    show(as_json, {"tenant_id": row["id"], "webhooks": found}, shown)


@app.command("show")
def show_(tenant: TenantOption, webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Show a webhook: where it goes, what it is told, and how it does; never its secret."""
    with opened() as session:
        _, found = session.run_for(
            tenant,
            lambda database, tenant_id: endpoints.get_endpoint(
                database, session.sealer, tenant_id, webhook_id
            ),
        )
    show(as_json, found, *(f"{name}: {'none' if it is None else it}" for name, it in found.items()))


@app.command("deliveries")
def deliveries_(
    tenant: TenantOption,
    webhook_id: WebhookId,
    state: Annotated[State | None, typer.Option(help="Only those that stand so.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Most to show, newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Show what a webhook was told and what came of it, newest first.

    rasl webhook deliveries --tenant acme 7 --state failed
    """
    filters = () if state is None else (Filter("state", "eq", (state,)),)
    query = ListQuery(per_page=limit, sorts=_NEWEST_FIRST, filters=filters)
    with opened() as session:
        _, page = session.run_for(
            tenant,
            lambda database, tenant_id: deliveries.list_deliveries(database, tenant_id, webhook_id, query),
        )
    found = [_described(it) for it in page.rows]
    shown = table(_TOLD, [_in_short(it) for it in found]) if found else "There is no such delivery."
    show(as_json, {"webhook_id": webhook_id, "deliveries": found}, shown)


@app.command()
def replay(
    tenant: TenantOption,
    webhook_id: WebhookId,
    delivery_id: Annotated[
        int | None,
        typer.Argument(
            metavar="[DELIVERY_ID]", min=1, max=_LARGEST_ID, help="One, from `rasl webhook deliveries`."
        ),
    ] = None,
    state: Annotated[Over | None, typer.Option(help="All of a state; those that failed unless said.")] = None,
    since: Annotated[
        str | None, typer.Option(help="All since a moment such as 2027-01-31T12:00:00Z, or of its state.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Have deliveries made again: one, or all that failed, or those of a state or since a time.

    rasl webhook replay --tenant acme 7 --since 2027-01-31T12:00:00Z
    """
    if delivery_id is not None and (state or since):
        raise typer.BadParameter("Name one delivery, or say which by --state and --since.")
    moment = None if since is None else read_moment(since)
    with opened() as session:
        if delivery_id is not None:
            wanted = delivery_id
            session.run_for(
                tenant,
                lambda database, tenant_id: deliveries.replay_one(database, tenant_id, webhook_id, wanted),
            )
            count = 1
        else:
            _, count = session.run_for(
                tenant,
                lambda database, tenant_id: deliveries.replay_many(
                    database, tenant_id, webhook_id, state, moment
                ),
            )
    told = f"{count} {'delivery is' if count == 1 else 'deliveries are'} made again by the worker."
    show(as_json, {"replayed": count}, told)


def _values(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    """Return a row without what only says where it stands in its list."""
    return {name: it for name, it in row.items() if not name.startswith("cursor_")}


def _described(row: Row) -> dict[str, Any]:
    values = _values(row)
    return {"id": values.pop("id"), "event_id": values.pop("event_key"), **values}


def _in_short(delivery: dict[str, Any]) -> dict[str, Any]:
    """Return a delivery with the number of its attempts, and what came of the last one."""
    attempts = delivery["attempts"]
    last = attempts[-1] if attempts else {}
    return delivery | {
        "attempts": len(attempts),
        "status": last.get("status"),
        "error": last.get("error"),
    }
