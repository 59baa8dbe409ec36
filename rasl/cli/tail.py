"""`rasl tail`: messages, webhooks and errors, as they come."""

import asyncio
import contextlib
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec
import typer

from rasl.cli.output import progress
from rasl.cli.session import opened
from rasl.db import following as rows
from rasl.db.channels import INGESTS
from rasl.db.listening import Listener
from rasl.db.pool import Database, Db
from rasl.errors import ServiceUnavailable
from rasl.services.operators.following import Errors, Feed, Line, Messages, Webhooks
from rasl.services.operators.tenants import get_tenant
from rasl.start.signals import ended_by_signal

_EVERY_SECONDS = 1.0
_KNOWN_SECONDS = 30.0
_SOONEST_SECONDS = 0.2  # however much comes in

LastOption = Annotated[
    int, typer.Option("--last", "-n", min=0, max=1000, help="So many of what happened before, first.")
]
OneTenantOption = Annotated[
    str | None, typer.Option("--tenant", help="Subdomain or id of the only tenant wanted.")
]
AsJsonLines = Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")]

app = typer.Typer(no_args_is_help=True)


@app.command()
def messages(last: LastOption = 10, tenant: OneTenantOption = None, as_json: AsJsonLines = False) -> None:
    """Watch messages, in and out, and what becomes of them. Ctrl-C ends it.

    rasl tail messages --tenant acme
    """
    _follow(Messages(last), tenant, as_json=as_json)


@app.command()
def webhooks(last: LastOption = 10, tenant: OneTenantOption = None, as_json: AsJsonLines = False) -> None:
    """Watch what Meta posts, and whether it is applied, fails or is set aside. Ctrl-C ends it.

    rasl tail webhooks
    """
    _follow(Webhooks(last), tenant, as_json=as_json, channels=(INGESTS,))


@app.command()
def errors(last: LastOption = 10, tenant: OneTenantOption = None, as_json: AsJsonLines = False) -> None:
    """Watch what goes wrong: messages, jobs, deliveries, quarantine. Ctrl-C ends it.

    rasl tail errors --json | jq .error
    """
    _follow(Errors(last), tenant, as_json=as_json)


def _follow(feed: Feed, tenant: str | None, *, as_json: bool, channels: Sequence[str] = ()) -> None:
    with ended_by_signal(), opened() as session:
        progress("Ctrl-C ends it.")
        session.run(lambda database: _watch(database, feed, tenant, as_json=as_json, channels=channels))


async def _watch(
    database: Database, feed: Feed, tenant: str | None, *, as_json: bool, channels: Sequence[str]
) -> None:
    """Look again and again; where a channel tells that something came, at once."""
    woken = asyncio.Event()
    listener = Listener(database, {name: lambda _: woken.set() for name in channels}, lambda _: None)
    listening = asyncio.create_task(listener.run()) if channels else None
    tenants = _Tenants(tenant)
    looked_at = time.monotonic()
    is_away = False
    try:
        while True:
            seconds, looked_at = time.monotonic() - looked_at, time.monotonic()
            try:
                lines = await _look(database, feed, tenants, seconds)
            except ServiceUnavailable:
                if not is_away:
                    progress("The database does not answer; waiting for it ...")
                is_away, looked_at = True, looked_at - seconds
            else:
                is_away = False
                _show(lines, as_json=as_json)
            await asyncio.sleep(_SOONEST_SECONDS)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(woken.wait(), _EVERY_SECONDS - _SOONEST_SECONDS)
            woken.clear()
    finally:
        if listening is not None:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


class _Tenants:
    """The tenants that are wanted: asked for at the start, and now and then, as new ones come."""

    def __init__(self, only: str | None) -> None:
        self._only = only
        self._known: Mapping[int, str] = {}
        self._until = 0.0

    async def load(self, db: Db) -> Mapping[int, str]:
        """Return their subdomains by id; raises NotThereError for the only one that is wanted and not there."""
        if self._until < time.monotonic():
            if self._only is None:
                self._known = await rows.list_subdomains(db)
            else:
                row = await get_tenant(db, self._only)
                self._known = {row["id"]: row["subdomain"]}
            self._until = time.monotonic() + _KNOWN_SECONDS
        return self._known


async def _look(database: Database, feed: Feed, tenants: _Tenants, seconds: float) -> Sequence[Line]:
    async with database.transaction() as db:
        return await feed.look(db, await tenants.load(db), seconds)


def _show(lines: Sequence[Line], *, as_json: bool) -> None:
    for line in lines:
        if as_json:
            value: dict[str, Any] = {"at": line.at, **line.value}
            sys.stdout.write(f"{msgspec.json.encode(value).decode()}\n")
        else:
            at = line.at.astimezone().strftime("%H:%M:%S")
            sys.stdout.write(f"{at}  {'  '.join(word for word in line.words if word)}\n")
    sys.stdout.flush()
