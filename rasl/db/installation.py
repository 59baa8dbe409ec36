"""Queries on the installation as a whole: whose secret key it is, what that key opens, and whether writing works."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import asyncpg

from rasl.db.numbers import CONNECTED
from rasl.db.pool import Db, Row

if TYPE_CHECKING:
    # Generic in the stubs only.
    Connection = Db | asyncpg.Connection[asyncpg.Record]
else:
    Connection = Db | asyncpg.Connection

# So little memory that the rows go to a file: it takes blocks of the database's disk, and gives them back.
_SPILL = "set local work_mem = '64kB'"
_SPILLED_ROWS = 10_000


async def find_key_check(db: Connection) -> bytes | None:
    """Return the digest of the installation's key; None before the first start, and before its migration."""
    if not await db.fetchval("select to_regclass('installation') is not null"):
        return None
    value: bytes | None = await db.fetchval("select key_check from installation")
    return value


async def keep_key_check(db: Connection, key_check: bytes) -> bytes:
    """Keep the digest unless there is one, and return the one that stands; call it outside of a transaction."""
    await db.execute("insert into installation (key_check) values ($1) on conflict do nothing", key_check)
    # A statement of its own: it sees what somebody else has just committed.
    value: bytes = await db.fetchval("select key_check from installation")
    return value


async def replace_key_check(db: Connection, key_check: bytes) -> None:
    """Make this the digest of the installation's key, whatever it was."""
    await db.execute(
        """
        insert into installation (key_check) values ($1)
        on conflict (is_only) do update set key_check = excluded.key_check
        """,
        key_check,
    )


async def list_secrets(db: Connection) -> list[Row]:
    """Return every sealed secret of numbers and Meta apps with its purpose."""
    return await db.fetch(
        f"""
        select 'access_token' as purpose, access_token_sealed as sealed from whatsapp_numbers where {CONNECTED}
        union all
        select 'app_secret', app_secret_sealed from meta_apps
        """
    )


async def write_probe(db: Db) -> None:
    """Write and commit a row, then take some blocks of the database's disk; raises what writing raises.

    A row is written over in place and fits on a full disk as well; a message needs new blocks.
    """
    await db.execute(
        """
        insert into write_probe (written_at) values (clock_timestamp())
        on conflict (is_only) do update set written_at = excluded.written_at
        """
    )
    # Where the operator allows no temporary files, the written row must do.
    with contextlib.suppress(asyncpg.ConfigurationLimitExceededError):
        async with db.transaction():
            await db.execute(_SPILL)
            await db.fetchval("select count(*) from generate_series(1, $1::integer)", _SPILLED_ROWS)


async def begin_numbering(db: Connection, first: Mapping[str, int]) -> None:
    """Let the ids of these tables begin here, where none has been given yet."""
    await db.execute(
        """
        select setval(pg_get_serial_sequence(wanted.name, 'id'), wanted.first, false)
        from unnest($1::text[], $2::bigint[]) as wanted (name, first)
        where pg_sequence_last_value(pg_get_serial_sequence(wanted.name, 'id')::regclass) is null
        """,
        list(first),
        list(first.values()),
    )
