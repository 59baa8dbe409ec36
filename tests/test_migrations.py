import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest

from rasl.db import schema
from rasl.db.schema import Migration, MigrationError, declared, drift, migrate
from tests.conftest import cloned


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
