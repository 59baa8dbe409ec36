"""A PostgreSQL per test process, a migrated database per test, the simulator as a real server."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest

from metasim.config import SimulatorConfig
from metasim.server import running
from pgbox import throwaway_postgres
from rasl import log
from rasl.app import create_app
from rasl.db.pool import Database
from rasl.db.schema import migrate
from rasl.sealing import Sealer
from tests.hearing import hear
from tests.serving import Api, api_clients, served, settings_for
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


@pytest.fixture(scope="session")
async def shared_dsn(template_dsn: str) -> AsyncIterator[str]:
    """The database that the tests of this process share, one after the other."""
    async with cloned(template_dsn, "tests") as dsn:
        yield dsn


@pytest.fixture
async def dsn(shared_dsn: str) -> str:
    """A migrated database with nothing of any other test in it."""
    await wipe(shared_dsn)
    return shared_dsn


@pytest.fixture
async def empty_dsn(server_dsn: str) -> AsyncIterator[str]:
    """A database of its own without any table."""
    async with cloned(server_dsn, f"empty_{next(_numbers)}", "template0") as dsn:
        yield dsn


@pytest.fixture(scope="session")
async def shared_database(shared_dsn: str) -> AsyncIterator[Database]:
    """Pools on the shared database."""
    opened = Database(shared_dsn, 4)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
def database(dsn: str, shared_database: Database) -> Database:  # noqa: ARG001 - wiped first
    """Pools on the test's database."""
    return shared_database


@pytest.fixture
def sealer() -> Sealer:
    """The sealer of the test world."""
    return Sealer(SECRET_KEY)


@pytest.fixture
async def world(database: Database, sealer: Sealer) -> World:
    """Acme and globex, connected."""
    return await build_world(database, sealer)


@pytest.fixture
async def hearing_of_codes(database: Database, world: World) -> None:
    """Both want to be told of codes."""
    for person in (world.acme, world.globex):
        await hear(database, person.tenant_id, "otp.*", "challenge.*")


@pytest.fixture(scope="session")
async def simulator_url() -> AsyncIterator[str]:
    """The simulator as a real server, one per test process."""
    async with running(
        SimulatorConfig(enforce_throughput=False, sent_delay=0, delivered_delay=0, read_delay=0)
    ) as url:
        yield url


@pytest.fixture(scope="session")
async def api_url(shared_dsn: str, simulator_url: str) -> AsyncIterator[str]:
    """The API as a real server on the shared database."""
    async with served(create_app(settings_for(simulator_url), shared_dsn)) as url:
        yield url


@pytest.fixture
async def api(world: World, api_url: str, simulator_url: str) -> AsyncIterator[Api]:
    """The API with acme and globex connected, before a simulator that remembers nothing of other tests."""
    async with api_clients(world, api_url, settings_for(simulator_url)) as clients:
        yield clients


@contextlib.asynccontextmanager
async def cloned(server: str, name: str, template: str = "template_rasl") -> AsyncIterator[str]:
    """Have a database made from a template inside the block."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"create database {name} template {template}")
        try:
            yield with_database(server, name)
        finally:
            await dropped(connection, name)
    finally:
        await connection.close()


async def dropped(connection: "asyncpg.Connection[asyncpg.Record]", name: str) -> None:
    """Drop a database whoever is connected to it.

    Not `with (force)`: that ends an autovacuum worker too, which only a superuser may. Without it PostgreSQL asks the
    worker to leave, and waits for it.
    """
    await connection.execute(
        """
        select pg_terminate_backend(pid, 5000) from pg_stat_activity
        where datname = $1 and backend_type = 'client backend'
        """,
        name,
    )
    await connection.execute(f"drop database {name}")


async def wipe(dsn: str) -> None:
    """Empty every table but the journal of migrations, and put the plans back."""
    connection = await asyncpg.connect(dsn)
    try:
        tables = await connection.fetch(
            """
            select tablename from pg_tables
            where schemaname = 'public' and tablename not in ('schema_migrations', 'plans')
            """
        )
        await connection.execute("set rasl.audit = 'dropping'")
        await connection.execute("truncate " + ", ".join(row["tablename"] for row in tables))
        await connection.execute("delete from plans where name not in ('free', 'unlimited')")
        await connection.execute(
            """
            update plans set max_contacts = case name when 'free' then 500 else -1 end,
                max_conversations = case name when 'free' then 1000 else -1 end,
                max_campaigns = -1, max_staff = -1, max_api_calls_per_minute = -1, whatsapp_templates = true,
                bulk_messaging = true, chatbot = true, advanced_analytics = true, custom_branding = true
            """
        )
    finally:
        await connection.close()


def with_database(dsn: str, name: str) -> str:
    """Name another database of the same server."""
    head, _, query = dsn.partition("?")
    return f"{head.rsplit('/', 1)[0]}/{name}?{query}"
