"""The pool, and transactions as blocks: one `async with database.transaction()` is one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from rasl import log
from rasl.errors import ServiceUnavailable

if TYPE_CHECKING:
    # Generic in the stubs only.
    Db = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
else:
    Db = asyncpg.pool.PoolConnectionProxy
Row = asyncpg.Record

_ACQUIRE_SECONDS = 2.0
# Every statement of this pool works by index on a handful of rows. While a table is new the planner has no statistics,
# would choose a scan or a hash over it, and keep that plan for the connection's life while the table grows.
_BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
_OUTAGE = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # a connection killed while it was idle
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.DiskFullError,
    OSError,
    TimeoutError,
)


class Database:
    """Two pools on one server: the ordinary one, and one for lists whose plans must fit their values."""

    def __init__(self, dsn: str, size: int) -> None:
        self._dsn = dsn
        self._size = size
        self._pools: tuple[asyncpg.Pool[Row], asyncpg.Pool[Row]] | None = None

    async def open(self) -> None:
        """Open the pools; raises what asyncpg raises when the server cannot be reached."""
        settings = {"jit": "off"} | _BY_INDEX
        # A generic plan may walk the id index for a rare value: 300 ms instead of 0.2.
        list_settings = {"jit": "off", "plan_cache_mode": "force_custom_plan", "statement_timeout": "5000"}
        pool = await _create_pool(self._dsn, self._size, settings)
        self._pools = (pool, await _create_pool(self._dsn, max(2, self._size // 2), list_settings))

    async def close(self) -> None:
        """Close both pools, at once if they do not close in time."""
        pools, self._pools = self._pools, None
        for pool in pools or ():
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Db]:
        """Run a block in one transaction; it commits at the end of the block or not at all."""
        async with self.connection() as db, db.transaction():
            yield db

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[Db]:
        """Lend a connection for statements that each commit by themselves."""
        async with _lend(self._pools and self._pools[0]) as db:
            yield db

    @contextlib.asynccontextmanager
    async def listing(self) -> AsyncIterator[Db]:
        """Lend a connection for lists and searches."""
        async with _lend(self._pools and self._pools[1]) as db:
            yield db

    async def dedicated(self) -> asyncpg.Connection[Row]:
        """Open a connection outside the pools, for LISTEN; the caller closes it."""
        return await asyncpg.connect(self._dsn, timeout=5)


@contextlib.asynccontextmanager
async def _lend(pool: asyncpg.Pool[Row] | None) -> AsyncIterator[Db]:
    if pool is None:
        raise ServiceUnavailable
    try:
        async with pool.acquire(timeout=_ACQUIRE_SECONDS) as db:
            yield db
        log.database_answers()
    except _OUTAGE as error:
        log.database_is_away(type(error).__name__)
        raise ServiceUnavailable from error


async def _create_pool(dsn: str, size: int, settings: dict[str, str]) -> asyncpg.Pool[Row]:
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        reset=_keep_session,
        init=_use_json,
        command_timeout=30,
        timeout=5,
        max_inactive_connection_lifetime=0,
        server_settings={"application_name": "rasl", "timezone": "UTC", **settings},
    )


async def _keep_session(_connection: Any) -> None:
    """Skip the reset query: nothing of ours leaves session state behind, and it halves a pooled operation."""


async def _use_json(connection: Any) -> None:
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda raw: msgspec.json.decode(raw[1:]),
        format="binary",
    )
