"""Ready is who can write, and asking costs next to nothing."""

import asyncio
from typing import Any

import asyncpg
import pytest

from rasl.db import installation
from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable
from rasl.services.operators.readiness import Readiness
from tests.conftest import cloned


async def test_many_who_ask_cost_one_question(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    questions = 0

    async def counted(db: Any) -> None:
        nonlocal questions
        questions += 1
        await real(db)

    real = installation.write_probe
    monkeypatch.setattr(installation, "write_probe", counted)
    readiness = Readiness(database)
    assert set(await asyncio.gather(*(readiness.problem() for _ in range(200)))) == {None}
    assert await readiness.problem() is None
    assert questions == 1


async def test_whoever_asks_may_go_away(database: Database) -> None:
    readiness = Readiness(database)
    impatient = asyncio.create_task(readiness.problem())
    await asyncio.sleep(0)
    other = asyncio.create_task(readiness.problem())
    await asyncio.sleep(0)
    impatient.cancel()
    assert await other is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (asyncpg.DiskFullError("could not extend file"), "the database's disk is full"),
        (asyncpg.PostgresIOError("could not fsync"), "the database does not answer"),
        (ConnectionResetError(), "the database does not answer"),
        (asyncpg.InsufficientPrivilegeError("no"), "the database cannot write: InsufficientPrivilegeError"),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_every_reason_has_a_sentence(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, reason: str
) -> None:
    async def failing(_db: Any) -> None:
        raise error

    monkeypatch.setattr(installation, "write_probe", failing)
    assert await Readiness(database).problem() == reason


async def test_a_read_only_database_is_not_ready_and_refuses_as_unavailable(template_dsn: str) -> None:
    async with cloned(template_dsn, "readonly_rasl") as dsn:
        admin = await asyncpg.connect(dsn)
        await admin.execute("alter database readonly_rasl set default_transaction_read_only = on")
        await admin.close()
        database = Database(dsn, 2)
        await database.open()
        try:
            assert await Readiness(database).problem() == "the database is read-only"
            with pytest.raises(ServiceUnavailable):
                async with database.transaction() as db:
                    await db.execute(
                        "insert into tenants (name, subdomain, plan) values ('a', 'abc', 'free')"
                    )
        finally:
            await database.close()


async def test_where_temporary_files_are_forbidden_the_written_row_does(database: Database, dsn: str) -> None:
    admin = await asyncpg.connect(dsn.replace("user=rasl", "user=postgres"))
    try:
        await admin.execute("alter role rasl set temp_file_limit = 0")
        limited = Database(dsn, 2)
        await limited.open()
        try:
            assert await Readiness(limited).problem() is None
        finally:
            await limited.close()
        async with database.connection() as db:
            assert await db.fetchval("select now() - written_at < interval '1 minute' from write_probe")
    finally:
        await admin.execute("alter role rasl reset temp_file_limit")
        await admin.close()
