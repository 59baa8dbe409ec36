"""The pool, and transactions as blocks: one `async with database.transaction()` is one transaction."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any, cast

import asyncpg
import msgspec

from rasl import clock
from rasl.db.outage import Outage
from rasl.db.plans import Planned, Plans
from rasl.errors import ServiceUnavailable

if TYPE_CHECKING:
    # Generic in the stubs only.
    Db = asyncpg.pool.PoolConnectionProxy[asyncpg.Record]
    _BareConnection = asyncpg.Connection[asyncpg.Record]
else:
    Db = asyncpg.pool.PoolConnectionProxy
    _BareConnection = asyncpg.Connection
Row = asyncpg.Record

_ACQUIRE_SECONDS = 2.0
# Every statement of this pool works by index on a handful of rows. While a table is new the planner has no statistics,
# would choose a scan or a hash over it. What it still gets wrong, `db/plans.py` mends as the table grows.
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
    asyncpg.ReadOnlySQLTransactionError,  # a server that was put back to being a copy
    asyncpg.PostgresIOError,  # its disk
    OSError,
    TimeoutError,
)


class _Connection(_BareConnection):
    """A connection that knows for how large tables it made its plans."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.planned = Planned()


class Meter(msgspec.Struct):
    """What a pool has lent since the process began, and who waits; sums, so that counting costs next to nothing."""

    name: str
    waiting: int = 0
    lent: int = 0
    timeouts: int = 0
    waited_seconds: float = 0.0


class Database:
    """Two pools on one server: the ordinary one, and one for lists whose plans must fit their values."""

    def __init__(self, dsn: str, size: int, stop_key: str = "") -> None:
        self._dsn = dsn
        # Sessions bring it along (migration 0023); it is derived from the secret key and stored nowhere.
        self._own = {"rasl.stop_key": stop_key} if stop_key else {}
        self._size = size
        self._pools: tuple[asyncpg.Pool[Row], asyncpg.Pool[Row]] | None = None
        self._outage = Outage()
        self._plans = Plans()
        self._meters = (Meter("main"), Meter("lists"))

    @property
    def dsn(self) -> str:
        """Where the database is, for what connects by itself; it may hold a password."""
        return self._dsn

    async def open(self) -> None:
        """Open the pools; raises what asyncpg raises when the server cannot be reached."""
        settings = {"jit": "off"} | _BY_INDEX
        # A generic plan may walk the id index for a rare value: 300 ms instead of 0.2.
        list_settings = {"jit": "off", "plan_cache_mode": "force_custom_plan", "statement_timeout": "5000"}
        pool = await _create_pool(self._dsn, self._size, settings | self._own)
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
        async with _lend(self._pools and self._pools[0], self._meters[0], self._outage, self._plans) as db:
            yield db

    @contextlib.asynccontextmanager
    async def listing(self) -> AsyncIterator[Db]:
        """Lend a connection for lists and searches."""
        async with _lend(self._pools and self._pools[1], self._meters[1], self._outage) as db:
            yield db

    def metered(self) -> list[tuple[asyncpg.Pool[Row], Meter]]:
        """Return the open pools with what they lent."""
        return list(zip(self._pools or (), self._meters, strict=False))

    async def dedicated(self) -> asyncpg.Connection[Row]:
        """Open a connection outside the pools, for LISTEN; the caller closes it. Raises ServiceUnavailable."""
        settings = {"application_name": "rasl news"}
        try:
            return await asyncpg.connect(self._dsn, timeout=5, server_settings=settings)
        except _OUTAGE as error:
            self._outage.met(error)
            raise ServiceUnavailable from error


@contextlib.asynccontextmanager
async def _lend(
    pool: asyncpg.Pool[Row] | None, meter: Meter, outage: Outage, plans: Plans | None = None
) -> AsyncIterator[Db]:
    if pool is None:
        raise ServiceUnavailable
    try:
        db = await _acquire(pool, meter)
        try:
            if plans is not None:
                await plans.renew(cast("Any", db))
            yield db
        finally:
            await pool.release(db)
    except _OUTAGE as error:
        outage.met(error)
        raise ServiceUnavailable from error
    outage.over()


async def _acquire(pool: asyncpg.Pool[Row], meter: Meter) -> Db:
    meter.waiting += 1
    begun = clock.monotonic()
    try:
        db: Db = await pool.acquire(timeout=_ACQUIRE_SECONDS)
    except TimeoutError:
        meter.timeouts += 1
        raise
    finally:
        meter.waiting -= 1
        meter.waited_seconds += clock.monotonic() - begun
    meter.lent += 1
    return db


async def _create_pool(dsn: str, size: int, settings: dict[str, str]) -> asyncpg.Pool[Row]:
    return await asyncpg.create_pool(
        dsn,
        min_size=1,
        max_size=size,
        connection_class=_Connection,
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
        "json", schema="pg_catalog", encoder=msgspec.json.encode, decoder=msgspec.json.decode, format="binary"
    )
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda raw: msgspec.json.decode(raw[1:]),
        format="binary",
    )
