"""`rasl whatsapp`: connect, list, show, default and disconnect."""

import importlib
from typing import Annotated, NamedTuple

import msgspec
import typer

from rasl.cli.actor import command_actor
from rasl.cli.calling import CommandError
from rasl.cli.output import AsJson, TenantOption, show, table
from rasl.cli.places import read_secret
from rasl.cli.session import Session, opened
from rasl.db import numbers as number_rows
from rasl.db.pool import Database, Db, Row
from rasl.graph.client import GraphClient
from rasl.sandbox import as_running
from rasl.services.operators import tenants
from rasl.services.operators.doctor import Check, check_number
from rasl.services.operators.tenants import NotThereError
from rasl.services.tenancy import credentials
from rasl.services.tenancy import numbers as number_services
from rasl.services.tenancy.credentials import Findings
from rasl.services.tenancy.numbers import Connection, callback_url

_SECRET_HELP = "{}; `@file` reads a file, `-` standard input."  # noqa: S105 - help, not a secret
_GRAPH_SECONDS = 15.0
NumberArgument = Annotated[str, typer.Argument(help="Id of the number, not the number itself.")]
AccessTokenOption = Annotated[
    str,
    typer.Option(help=_SECRET_HELP.format("System user token"), envvar="RASL_CONNECT_ACCESS_TOKEN"),
]
AppSecretOption = Annotated[
    str,
    typer.Option(
        help=_SECRET_HELP.format("Secret of the Meta app, which signs its webhooks"),
        envvar="RASL_CONNECT_APP_SECRET",
    ),
]
VerifyTokenOption = Annotated[
    str,
    typer.Option(
        help=_SECRET_HELP.format("A word of your choice, to be repeated at Meta"),
        envvar="RASL_CONNECT_VERIFY_TOKEN",
    ),
]
AppIdOption = Annotated[
    str | None,
    typer.Option(
        help="Id of the Meta app: with it the token's permissions are checked, and --subscribe enters our callback."
    ),
]
SubscribeOption = Annotated[
    bool,
    typer.Option(
        "--subscribe",
        help="Subscribe the account to the app, and with --app-id the app to our callback, in place of its own.",
    ),
]
ThroughputOption = Annotated[
    int | None,
    typer.Option(
        help="Throughput Meta grants the number. Default: what Meta says, else 80.", show_default=False
    ),
]
NoCheckOption = Annotated[
    bool, typer.Option("--no-check", help="Store without asking Meta whether the credentials are right.")
]

app = typer.Typer(no_args_is_help=True)


@app.command()
def connect(
    tenant: TenantOption,
    waba_id: Annotated[str, typer.Option(help="Id of the WhatsApp Business account.")],
    phone_number_id: Annotated[str, typer.Option(help="Id of the number, not the number itself.")],
    access_token: AccessTokenOption,
    app_secret: AppSecretOption,
    verify_token: VerifyTokenOption,
    display_phone_number: Annotated[
        str | None,
        typer.Option(help="The number as people read it. Default: what Meta says.", show_default=False),
    ] = None,
    messages_per_second: ThroughputOption = None,
    app_id: AppIdOption = None,
    subscribe: SubscribeOption = False,
    no_check: NoCheckOption = False,
    as_json: AsJson = False,
) -> None:
    """Connect a number to a tenant, or renew its credentials, and show what to enter at Meta.

    Meta is asked about them first: what is wrong is explained, and nothing is stored.

    rasl whatsapp connect --tenant acme --waba-id 102290129340398 --phone-number-id 106540352242922
    --access-token @token --app-secret @secret --verify-token some-word --app-id 1234567890 --subscribe
    """
    given = Connection(
        waba_id=waba_id.strip(),
        phone_number_id=phone_number_id.strip(),
        access_token=read_secret(access_token),
        app_secret=read_secret(app_secret),
        verify_token=read_secret(verify_token),
        display_phone_number=display_phone_number,
        messages_per_second=messages_per_second or 80,
    )
    tenants.check_connection(given)
    if app_id is not None and not app_id.isdecimal():
        raise typer.BadParameter("--app-id must be the digits that Meta shows, nothing else.")

    with opened() as session:
        wanted = _Wanted(given, app_id, messages_per_second, subscribe, not no_check)
        row, done = session.run_for(
            tenant, lambda database, tenant_id: _connect(database, session, tenant_id, wanted)
        )
    value = {
        "callback_url": done.url,
        "verify_token": given.verify_token,
        "phone_number_id": given.phone_number_id,
        "waba_id": given.waba_id,
        "id": done.number_id,
        "tenant_id": row["id"],
        "fields": _fields(),
        "meta": done.found,
        "problems": done.problems,
    }
    show(as_json, value, *_connected(row, wanted, done))
    if done.problems:
        raise typer.Exit(1)


class _Wanted(NamedTuple):
    """What is to be connected, and what Meta is asked for besides."""

    given: Connection
    app_id: str | None
    messages_per_second: int | None
    is_subscribed: bool
    is_checked: bool


class _Done(NamedTuple):
    """What came of it: our id and address, what Meta said, and what it did not do."""

    number_id: int
    url: str
    found: Findings | None
    problems: list[str]


async def _connect(database: Database, session: Session, tenant_id: int, wanted: _Wanted) -> _Done:
    """Ask Meta, store, subscribe."""
    given = wanted.given
    async with _graph(session) as graph:
        found = await credentials.examine(graph, given, wanted.app_id) if wanted.is_checked else None
        complete = given if found is None else _completed(given, found, wanted.messages_per_second)
        connected = await tenants.connect_whatsapp(
            database,
            session.sealer,
            tenant_id,
            complete,
            command_actor(),
            None if found is None else credentials.seen(found),
        )
        url = callback_url(as_running(session.settings).base_url, connected.callback_key)
        problems = []
        if wanted.is_subscribed:
            problems = await credentials.subscribe(graph, given, wanted.app_id, url, _fields())
    return _Done(connected.number_id, url, found, problems)


def _completed(given: Connection, found: Findings, messages_per_second: int | None) -> Connection:
    """Return the credentials with what Meta says of the number; raises CommandError where it refuses them."""
    if found.problems:
        raise CommandError(
            "CREDENTIALS_REFUSED",
            "Meta does not take these credentials, and nothing was stored.",
            told={"problems": found.problems},
            lines=(*found.problems, "--no-check stores them all the same."),
        )
    return msgspec.structs.replace(
        given,
        display_phone_number=given.display_phone_number or found.display_phone_number,
        messages_per_second=messages_per_second or found.messages_per_second,
    )


def _connected(row: Row, wanted: _Wanted, done: _Done) -> list[str]:
    given, found = wanted.given, done.found
    name = "" if found is None else f" ({found.display_phone_number}, {found.verified_name})"
    lines = [f"Connected number {given.phone_number_id}{name} to {row['subdomain']}."]
    lines += [f"But {problem}" for problem in done.problems]
    if wanted.is_subscribed and wanted.app_id is not None and not done.problems:
        lines.append(f"Meta calls {done.url} from now on.")
    else:
        lines += [
            "At Meta, under WhatsApp > Configuration, enter",
            f"  Callback URL  {done.url}",
            f"  Verify token  {given.verify_token}",
            "and subscribe to the fields",
            *(f"  {field}" for field in _fields()),
        ]
    if found is not None and not (found.is_subscribed or wanted.is_subscribed):
        lines.append(f"No app is subscribed to the account {given.waba_id} yet: --subscribe does it.")
    return [*lines, "Then `rasl doctor` checks every step."]


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
    phone_number_id: NumberArgument,
    as_json: AsJson = False,
) -> None:
    """Choose the number a tenant sends from unless a send says otherwise."""
    with opened() as session:
        row, _ = session.query_for(
            tenant,
            lambda db, tenant_id: tenants.choose_default_number(
                db, tenant_id, phone_number_id, command_actor()
            ),
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


@app.command("show")
def show_(
    tenant: TenantOption,
    phone_number_id: NumberArgument,
    no_check: Annotated[
        bool, typer.Option("--no-check", help="Do not ask Meta how it sees the number.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Show a number: what is stored of it without its secrets, and how Meta sees it.

    rasl whatsapp show --tenant acme 106540352242922
    """

    async def act(database: Database, tenant_id: int) -> tuple[Row, int, list[Check]]:
        async with database.connection() as db:
            number = await _get(db, tenant_id, phone_number_id)
            waiting = await number_rows.count_waiting(db, tenant_id, number["id"])
        if no_check:
            return number, waiting, []
        async with _graph(session) as graph:
            base_url = as_running(session.settings).base_url
            return number, waiting, await check_number(number, session.sealer, graph, base_url)

    with opened() as session:
        row, (number, waiting, checks) = session.run_for(tenant, act)
        url = callback_url(as_running(session.settings).base_url, number["callback_key"])
    value = {name: number[name] for name in _COLUMNS}
    value |= {"tenant_id": row["id"], "callback_url": url, "fields": _fields(), "waiting": waiting}
    lines = [
        f"  {name}: {', '.join(item) if isinstance(item, list) else item}" for name, item in value.items()
    ]
    told = [f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.message}" for check in checks]
    fixes = [f"      -> {check.fix}" for check in checks if check.fix]
    show(as_json, value | {"checks": checks}, f"Number {phone_number_id}", *lines, *told, *fixes)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


@app.command()
def disconnect(
    tenant: TenantOption,
    phone_number_id: NumberArgument,
    unsubscribe: Annotated[
        bool,
        typer.Option(
            "--unsubscribe", help="Also let Meta post nothing more of the number's account to your app."
        ),
    ] = False,
    is_sure: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take a number away from a tenant: its credentials are forgotten, its messages stay.

    Nothing is sent from it and nothing that Meta posts for it is applied until it is connected again, which is as if it
    had never been away. Messages that wait for it wait on.

    rasl whatsapp disconnect --tenant acme 106540352242922 --yes
    """
    if not is_sure:
        if as_json:
            raise typer.BadParameter("With --json, say --yes.")
        typer.confirm(f"Forget the credentials of number {phone_number_id}?", abort=True, err=True)

    async def act(database: Database, tenant_id: int) -> tuple[int, str | None]:
        async with database.connection() as db:
            number = await _get(db, tenant_id, phone_number_id)
        problem = await _unsubscribe(session, number) if unsubscribe else None
        async with database.transaction() as db:
            await number_services.disconnect(db, session.sealer, tenant_id, phone_number_id, command_actor())
            return await number_rows.count_waiting(db, tenant_id, number["id"]), problem

    with opened() as session:
        row, (waiting, problem) = session.run_for(tenant, act)
    value = {
        "tenant_id": row["id"],
        "phone_number_id": phone_number_id,
        "disconnected": True,
        "waiting": waiting,
        "unsubscribed": unsubscribe and problem is None,
    }
    lines = [f"Disconnected number {phone_number_id} from {row['subdomain']}."]
    if waiting:
        lines.append(f"{waiting} messages wait for it: they go out when it is connected again.")
    if problem is not None:
        lines.append(f"Its account is still subscribed at Meta: {problem}")
    show(as_json, value, *lines)


async def _unsubscribe(session: Session, number: Row) -> str | None:
    token = session.sealer.unseal(number["access_token_sealed"], "access_token")
    async with _graph(session) as graph:
        return await credentials.unsubscribe(graph, number["waba_id"], token)


async def _get(db: Db, tenant_id: int, phone_number_id: str) -> Row:
    number = await number_rows.find_connection(db, tenant_id, phone_number_id)
    if number is None:
        raise NotThereError(
            f"the tenant has no number {phone_number_id}: `rasl whatsapp list` shows them all"
        )
    return number


def _fields() -> list[str]:
    """Return the fields of Meta's webhooks that are applied here; what else is subscribed to is kept as it comes.

    Loaded only when it is asked for: whoever applies them brings half the house along.
    """
    return list(importlib.import_module("rasl.services.inbound.changes").CHANGES)


def _graph(session: Session) -> GraphClient:
    settings = as_running(session.settings)
    return GraphClient(settings.graph_base_url, settings.graph_version, _GRAPH_SECONDS, 2)
