"""A server beside a loaded database, and one connection to it."""

import contextlib
import http.client
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from bench.contact_rows import Contacts
from bench.procs import BenchError, Running, free_port, server
from bench.servers import HOST, Plan
from rasl.db.pool import Database
from rasl.domain.scopes import ALL_SCOPES
from rasl.services.operators import tenants

_AS_THEY_ARE = "/?&=%,[]"
_PATIENCE = 300.0  # seconds for an answer
_UNLIMITED = 1_000_000  # requests a minute


class Client:
    """One kept connection; whatever is not the expected answer ends the benchmark."""

    def __init__(self, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)
        self._headers = {"Authorization": f"Bearer {token}"}

    def get(self, path: str) -> Any:
        """Return the data of an answer."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: bytes | Iterable[bytes], headers: Mapping[str, str] | None = None) -> Any:
        """Send a body, JSON unless the headers say otherwise, and return the data of the answer."""
        return self._ask("POST", path, body, {"Content-Type": "application/json"} | dict(headers or {}))

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _ask(
        self, method: str, path: str, body: bytes | Iterable[bytes] | None, headers: Mapping[str, str]
    ) -> Any:
        self._connection.request(method, quote(path, safe=_AS_THEY_ARE), body, self._headers | dict(headers))
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise BenchError(
                f"{method} {path} answered {answer.status}: {text[:500].decode(errors='replace')}"
            )
        return msgspec.json.decode(text)["data"]


class Stage(msgspec.Struct, frozen=True):
    """What contacts are written through."""

    plan: Plan
    contacts: Contacts
    running: Running
    client: Client


async def create_token(dsn: str, tenant_id: int) -> str:
    """Return a token of the tenant that may do everything, as often as it likes."""
    database = Database(dsn, 2)
    await database.open()
    try:
        return (await tenants.create_token(database, tenant_id, "bench", ALL_SCOPES, _UNLIMITED)).text
    finally:
        await database.close()


@contextlib.contextmanager
def stage(dsn: str, contacts: Contacts, token: str) -> Iterator[Stage]:
    """Run an API process inside the block, as it is run in earnest."""
    # Nothing is sent: no simulator is there.
    plan = Plan(free_port(), dsn, f"http://{HOST}:9")
    with server("rasl", plan) as running:
        client = Client(plan.port, token)
        try:
            yield Stage(plan, contacts, running, client)
        finally:
            client.close()
