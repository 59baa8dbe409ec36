"""A PostgreSQL per test process, a migrated database per test, the simulator as a real server."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from rasl import log
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.postgres import throwaway_postgres
from rasl.sealing import Sealer
from tests.world import SECRET_KEY, World, build_world

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def logs() -> None:
    log.configure("console", "warning")


@pytest.fixture(scope="session")
def server_dsn() -> Iterator[str]:
    """A PostgreSQL of this test process, without fsync, gone at its end."""
    with throwaway_postgres() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def template_dsn(server_dsn: str) -> str:
    """A migrated database that tests are cloned from."""

    async def prepare() -> None:
        connection = await asyncpg.connect(server_dsn)
        await connection.execute("create database template_rasl")
        await connection.close()
        await migrate(with_database(server_dsn, "template_rasl"))

    asyncio.run(prepare())
    return server_dsn


@pytest.fixture
async def dsn(template_dsn: str) -> AsyncIterator[str]:
    """A fresh migrated database for one test."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(template_dsn)
    await connection.execute(f"create database {name} template template_rasl strategy file_copy")
    try:
        yield with_database(template_dsn, name)
    finally:
        await connection.execute(f"drop database {name} with (force)")
        await connection.close()


@pytest.fixture
async def database(dsn: str) -> AsyncIterator[Database]:
    """Pools on the test's database."""
    opened = Database(dsn, 4)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def sealer() -> Sealer:
    """The sealer of the test world."""
    return Sealer(SECRET_KEY)


def with_database(dsn: str, name: str) -> str:
    """Name another database of the same server."""
    head, _, query = dsn.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"


@pytest.fixture
async def world(database: Database, sealer: Sealer) -> World:
    """Acme and globex, connected."""
    return await build_world(database, sealer)
