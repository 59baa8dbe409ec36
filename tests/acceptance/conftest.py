"""A durable PostgreSQL that outlives the servers killed in front of it, and two tenants made by commands."""

import asyncio
import contextlib
import dataclasses
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest

from metasim.config import SimulatorConfig
from metasim.server import running
from pgbox import EmbeddedPostgres
from tests.acceptance.fleet import SECRET_KEY, Fleet, Tenant, create_tenant, environment, fleet_of
from tests.conftest import dropped, with_database

_numbers = itertools.count(1)
# Webhooks come back soon after a server does.
META = SimulatorConfig(
    enforce_throughput=False,
    sent_delay=0.05,
    delivered_delay=0.1,
    read_delay=None,
    webhook_retry_base=0.1,
    webhook_retry_cap=0.5,
    webhook_max_attempts=200,
)


@dataclasses.dataclass(frozen=True)
class People:
    """`fast` has a number of high throughput, `slow` one of Meta's default: 80 messages a second."""

    fast: Tenant
    slow: Tenant


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    """A folder that root's PostgreSQL, which runs under another account, can pass through."""
    with tempfile.TemporaryDirectory(prefix="rasl-acceptance-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def postgres(folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server with fsync, owned by the test process."""
    server = EmbeddedPostgres(folder / "data")
    server.ensure_running()
    yield server
    server.release()


@pytest.fixture(scope="session")
def people(postgres: EmbeddedPostgres, folder: Path) -> People:  # noqa: ARG001 - must run
    """The tenants, in the database that every test's is cloned from."""
    env = environment(RASL_DATABASE_URL=postgres.dsn, RASL_SECRET_KEY=SECRET_KEY)
    return People(
        fast=create_tenant(env, "fast", "1", 1000),
        slow=create_tenant(env, "slow", "2", 80),
    )


@pytest.fixture
async def simulator_url() -> AsyncIterator[str]:
    """A simulated Meta of the test's own, in the process that nobody kills."""
    async with running(META) as url:
        yield url


@pytest.fixture
async def fleet(
    postgres: EmbeddedPostgres, people: People, simulator_url: str, tmp_path: Path
) -> AsyncIterator[Fleet]:
    """No process yet, but a database with the tenants and a Meta that knows their numbers."""
    # A template must not be in use; ours is only ever visited by commands, which have ended.
    async with cloned(postgres, f"acceptance_{next(_numbers)}") as dsn:
        settings = {"RASL_DATABASE_URL": dsn, "RASL_SECRET_KEY": SECRET_KEY}
        async with fleet_of(dsn, simulator_url, settings, tmp_path) as made:
            await asyncio.gather(made.connect(people.fast), made.connect(people.slow))
            yield made


@contextlib.asynccontextmanager
async def cloned(postgres: EmbeddedPostgres, name: str) -> AsyncIterator[str]:
    """Have a copy of the furnished database inside the block, in which the server may be killed."""
    await command(postgres, f"create database {name} template rasl")
    yield with_database(postgres.dsn, name)
    async with _connected(postgres) as connection:
        await dropped(connection, name)


async def command(postgres: EmbeddedPostgres, text: str) -> None:
    """Run one command on a connection of its own."""
    async with _connected(postgres) as connection:
        await connection.execute(text)


@contextlib.asynccontextmanager
async def _connected(postgres: EmbeddedPostgres) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    connection = await asyncpg.connect(with_database(postgres.dsn, "postgres"))
    try:
        yield connection
    finally:
        await connection.close()
