"""A short visit to the database: open, do one thing, close."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from rasl.cli.output import progress
from rasl.db.pool import Database, Db, Row
from rasl.sealing import Sealer
from rasl.services.operators.tenants import get_tenant
from rasl.settings import Settings
from rasl.start.database import prepared

T = TypeVar("T")


class Session:
    """A prepared database for one command."""

    def __init__(self, settings: Settings, dsn: str) -> None:
        self.settings = settings
        self.dsn = dsn
        self.sealer = Sealer(settings.secret_key)

    def run(self, act: Callable[[Database], Awaitable[T]]) -> T:
        """Give a use-case the database."""
        return asyncio.run(self._run(act))

    def query(self, ask: Callable[[Db], Awaitable[T]]) -> T:
        """Run queries in one transaction."""

        async def act(database: Database) -> T:
            async with database.transaction() as db:
                return await ask(db)

        return self.run(act)

    def run_for(self, tenant: str, act: Callable[[Database, int], Awaitable[T]]) -> tuple[Row, T]:
        """Give a use-case the database and the id of a tenant, which is returned as well; raises NotThereError."""

        async def find_and_act(database: Database) -> tuple[Row, T]:
            async with database.connection() as db:
                row = await get_tenant(db, tenant)
            return row, await act(database, row["id"])

        return self.run(find_and_act)

    def query_for(self, tenant: str, ask: Callable[[Db, int], Awaitable[T]]) -> tuple[Row, T]:
        """Run queries on what a tenant has in one transaction, and return it as well; raises NotThereError."""

        async def find_and_ask(db: Db) -> tuple[Row, T]:
            row = await get_tenant(db, tenant)
            return row, await ask(db, row["id"])

        return self.query(find_and_ask)

    async def _run(self, act: Callable[[Database], Awaitable[T]]) -> T:
        database = Database(self.dsn, 2, self.sealer.stop_key)
        await database.open()
        try:
            return await act(database)
        finally:
            await database.close()


@contextlib.contextmanager
def opened() -> Iterator[Session]:
    """Have the database of the environment's settings ready inside the block."""
    with prepared(Settings.from_environment(), progress) as found:
        yield Session(found.settings, found.dsn)
