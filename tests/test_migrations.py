import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from rasl.db import schema
from rasl.db.schema import Migration, MigrationError, declared, drift, migrate
from tests.conftest import cloned, with_database


@pytest.fixture
async def own(template_dsn: str) -> AsyncIterator[str]:
    """A migrated database that this test may change."""
    async with cloned(template_dsn, "migrated_rasl") as dsn:
        yield dsn


async def _execute(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


async def _count(dsn: str, table: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        count: int = await connection.fetchval(f"select count(*) from {table}")
        return count
    finally:
        await connection.close()


def _declare(monkeypatch: pytest.MonkeyPatch, *more: Migration) -> None:
    migrations = [*declared(), *more]
    monkeypatch.setattr(schema, "declared", lambda: migrations)


NAMES = [migration.name for migration in declared()]


def test_every_migration_has_a_number_of_its_own() -> None:
    numbers = [int(name.partition("_")[0]) for name in NAMES]
    assert sorted(set(numbers)) == numbers


async def test_a_migrated_database_is_as_declared(own: str) -> None:
    assert await drift(own) == []


async def test_looking_for_drift_leaves_nothing_behind(own: str) -> None:
    await drift(own)
    assert await _count(own, "pg_database where datname like 'rasl_shape%'") == 0
    assert await _count(own, "pg_namespace where nspname like 'rasl_shape%'") == 0


@contextlib.asynccontextmanager
async def _role(server_dsn: str, database: str, *grants: str) -> AsyncIterator[str]:
    """Have a role that may not create databases, with a database of its own or with these grants, inside the block."""
    server = server_dsn.replace("user=rasl", "user=postgres")
    owner = "rasl" if grants else database
    dsn = with_database(server, database)
    await _execute(server, f"create role {database} login nocreatedb nosuperuser")
    try:
        await _execute(server, f"create database {database} owner {owner} template template0")
        if grants:  # who owns only tables has had the extensions made by somebody else
            made = (re.findall(r"create extension [^;]+;", migration.sql) for migration in declared())
            await _execute(dsn, "".join(itertools.chain(*made)))
        for grant in grants:
            await _execute(dsn, f"{grant} {database}")
        yield dsn.replace("user=postgres", f"user={database}")
    finally:
        await _execute(server, f"drop database if exists {database} with (force)")  # a superuser's right
        await _execute(server, f"drop role {database}")


@pytest.mark.parametrize(
    "grants",
    [(), ("grant create, usage on schema public to",)],
    ids=["owner of the database", "owner of tables"],
)
async def test_a_role_that_may_not_create_databases_sees_drift(
    server_dsn: str, grants: tuple[str, ...]
) -> None:
    async with _role(server_dsn, "lodger", *grants) as dsn:
        assert await migrate(dsn) == NAMES
        assert await drift(dsn) == []
        await _execute(dsn, "alter table messages add column mood text; drop index conversations_by_contact")
        assert [item.split()[:3] for item in await drift(dsn)] == [
            ["-", "index", "CREATE"],
            ["+", "column", "messages.mood"],
        ]


async def test_who_may_not_compare_is_told_what_to_grant(server_dsn: str) -> None:
    async with _role(server_dsn, "guest", "grant create, usage on schema public to") as dsn:
        await migrate(dsn)
        await _execute(
            dsn.replace("user=guest", "user=rasl"), "revoke temporary on database guest from public"
        )
        with pytest.raises(MigrationError, match="grant temporary"):
            await drift(dsn)


async def test_a_read_only_server_is_named(server_dsn: str) -> None:
    async with _role(server_dsn, "replica") as dsn:
        await migrate(dsn)
        await _execute(dsn, "alter role replica set default_transaction_read_only = on")
        with pytest.raises(MigrationError, match="read-only"):
            await drift(dsn)


async def test_tables_in_a_schema_of_their_own_are_compared(server_dsn: str) -> None:
    async with _role(server_dsn, "tidy") as dsn:
        await _execute(dsn, "create schema tidy")  # "$user" stands first in the search path
        await migrate(dsn)
        assert await _count(dsn, "pg_tables where schemaname = 'tidy' and tablename = 'messages'") == 1
        assert await drift(dsn) == []


async def test_an_empty_database_lacks_every_migration(empty_dsn: str) -> None:
    assert await drift(empty_dsn) == [f"- migration {name}" for name in NAMES]
    assert await _count(empty_dsn, "pg_tables where schemaname = 'public'") == 0


async def test_what_was_applied_is_told_and_not_applied_again(empty_dsn: str) -> None:
    lines: list[str] = []
    assert await migrate(empty_dsn, lines.append) == NAMES
    assert lines == [f"migrating {name}" for name in NAMES]
    assert await migrate(empty_dsn, lines.append) == []
    assert len(lines) == len(NAMES)
    assert await drift(empty_dsn) == []


@pytest.mark.parametrize(
    ("sql", "difference"),
    [
        ("alter table messages add column mood text", ["+ column messages.mood text"]),
        ("alter table tokens drop column last_four", ["- column tokens.last_four text not null"]),
        ("create table notes ()", []),
        ("create table notes (id bigint)", ["+ column notes.id bigint"]),
        ("drop index conversations_by_contact", ["- index CREATE INDEX conversations_by_contact"]),
        ("drop trigger jobs_added on jobs", ["- trigger CREATE TRIGGER jobs_added"]),
        (
            "alter table plans alter column max_contacts drop default",
            [
                "- column plans.max_contacts bigint not null default '-1'::integer",
                "+ column plans.max_contacts bigint not null",
            ],
        ),
        (
            "alter table tenants drop constraint tenants_status_check",
            ["- constraint tenants tenants_status_check"],
        ),
        (
            "alter table contacts alter column city type varchar(5)",
            ["- column contacts.city text", "+ column contacts.city character varying(5)"],
        ),
    ],
)
async def test_a_change_by_hand_shows_as_drift(own: str, sql: str, difference: list[str]) -> None:
    await _execute(own, sql)
    found = await drift(own)
    assert len(found) == len(difference)
    assert all(item.startswith(wanted) for item, wanted in zip(found, difference, strict=True))


async def test_two_processes_that_migrate_at_once_apply_everything_once(empty_dsn: str) -> None:
    applied = await asyncio.gather(*(migrate(empty_dsn) for _ in range(4)))
    assert sorted(applied, key=len) == [[], [], [], NAMES]
    assert await _count(empty_dsn, "schema_migrations") == len(NAMES)


@pytest.mark.parametrize("act", [migrate, drift])
async def test_a_database_of_a_newer_program_is_refused(
    own: str, act: Callable[[str], Awaitable[object]]
) -> None:
    await _execute(own, "insert into schema_migrations (name, checksum) values ('9999_future', 'x')")
    with pytest.raises(MigrationError, match="newer than this program: it knows 9999_future"):
        await act(own)


@pytest.mark.parametrize("act", [migrate, drift])
async def test_a_migration_that_was_changed_afterwards_is_refused(
    own: str, act: Callable[[str], Awaitable[object]]
) -> None:
    await _execute(own, "update schema_migrations set checksum = 'other' where name = '0001_foundation'")
    with pytest.raises(MigrationError, match="changed after they were applied: 0001_foundation"):
        await act(own)


async def test_a_migration_that_fails_leaves_nothing_of_itself(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = Migration("9001_good", "create table good (id bigint)", "g")
    bad = Migration("9002_bad", "create table bad (id bigint); select 1/0", "b")
    _declare(monkeypatch, good, bad)
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(own)
    assert await _count(own, "pg_tables where tablename = 'good'") == 1
    assert await _count(own, "pg_tables where tablename = 'bad'") == 0
    assert await drift(own) == ["- migration 9002_bad"]


async def test_a_migration_does_not_wait_for_ever_behind_a_table_in_use(
    own: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = Migration(
        "9001_shown", "create table shown as select current_setting('lock_timeout') as value", "s"
    )
    _declare(monkeypatch, shown)
    await migrate(own)
    assert await _count(own, "shown where value = '10s'") == 1
