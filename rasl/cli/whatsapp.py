"""`rasl whatsapp`: connect, list and default."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.session import opened
from rasl.db import numbers as number_rows
from rasl.sandbox import as_running
from rasl.services.operators import tenants
from rasl.services.operators.tenants import Connection

_SECRET_HELP = "{}; `@file` reads a file, `-` standard input."  # noqa: S105 - help, not a secret

app = typer.Typer(no_args_is_help=True)


@app.command()
def connect(
    tenant: TenantOption,
    waba_id: Annotated[str, typer.Option(help="Id of the WhatsApp Business account.")],
    phone_number_id: Annotated[str, typer.Option(help="Id of the number, not the number itself.")],
    access_token: Annotated[
        str,
        typer.Option(help=_SECRET_HELP.format("System user token"), envvar="RASL_CONNECT_ACCESS_TOKEN"),
    ],
    app_secret: Annotated[
        str,
        typer.Option(
            help=_SECRET_HELP.format("Secret of the Meta app, which signs its webhooks"),
            envvar="RASL_CONNECT_APP_SECRET",
        ),
    ],
    verify_token: Annotated[
        str,
        typer.Option(
            help=_SECRET_HELP.format("A word of your choice, to be repeated at Meta"),
            envvar="RASL_CONNECT_VERIFY_TOKEN",
        ),
    ],
    display_phone_number: Annotated[str | None, typer.Option(help="The number as people read it.")] = None,
    messages_per_second: Annotated[int, typer.Option(help="Throughput Meta grants the number.")] = 80,
    as_json: AsJson = False,
) -> None:
    """Connect a number to a tenant, or renew its credentials, and show what to enter at Meta."""
    given = Connection(
        waba_id=waba_id,
        phone_number_id=phone_number_id,
        access_token=_read_secret(access_token),
        app_secret=_read_secret(app_secret),
        verify_token=_read_secret(verify_token),
        display_phone_number=display_phone_number,
        messages_per_second=messages_per_second,
    )
    with opened() as session:
        row, connected = session.run_for(
            tenant,
            lambda database, tenant_id: tenants.connect_whatsapp(database, session.sealer, tenant_id, given),
        )
        url = tenants.callback_url(as_running(session.settings).base_url, connected.callback_key)
    value = {
        "callback_url": url,
        "verify_token": given.verify_token,
        "phone_number_id": phone_number_id,
        "waba_id": waba_id,
        "id": connected.number_id,
        "tenant_id": row["id"],
    }
    show(
        as_json,
        value,
        f"Connected number {phone_number_id} to {row['subdomain']}. At Meta, under WhatsApp > Configuration, enter",
        f"  Callback URL  {url}",
        f"  Verify token  {given.verify_token}",
        "and subscribe to `messages`. Then `rasl doctor` checks every step.",
    )


@app.command("list")
def list_(tenant: TenantOption, as_json: AsJson = False) -> None:
    """List the numbers of a tenant; the default is the one it sends from unless a send says otherwise."""
    with opened() as session:
        row, rows = session.query_for(tenant, number_rows.list_all)
    numbers = [{name: item[name] for name in _COLUMNS} for item in rows]
    none = f"{row['subdomain']} has no number yet: rasl whatsapp connect --tenant {row['subdomain']}"
    show(as_json, {"tenant_id": row["id"], "numbers": numbers}, table(_COLUMNS, rows) if rows else none)


@app.command("default")
def default(
    tenant: TenantOption,
    phone_number_id: Annotated[str, typer.Argument(help="Id of the number, not the number itself.")],
    as_json: AsJson = False,
) -> None:
    """Choose the number a tenant sends from unless a send says otherwise."""
    with opened() as session:
        row, _ = session.query_for(
            tenant, lambda db, tenant_id: tenants.choose_default_number(db, tenant_id, phone_number_id)
        )
    value = {"tenant_id": row["id"], "default_phone_number_id": phone_number_id}
    show(as_json, value, f"{row['subdomain']} now sends from number {phone_number_id}.")


_COLUMNS = (
    "id",
    "phone_number_id",
    "waba_id",
    "display_phone_number",
    "messages_per_second",
    "is_default",
    "created_at",
)


def _read_secret(text: str) -> str:
    """Keep secrets out of the process list for those who want that."""
    if text == "-":
        return sys.stdin.readline().strip()
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise typer.BadParameter(f"{text[1:]} cannot be read.") from None
    return text
