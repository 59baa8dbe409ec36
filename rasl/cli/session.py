"""A short visit to the database: open, do one thing, close."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from rasl.cli.output import progress
from rasl.db.pool import Database, Db
from rasl.sealing import Sealer
from rasl.settings import Settings
from rasl.start import prepared

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

    async def _run(self, act: Callable[[Database], Awaitable[T]]) -> T:
        database = Database(self.dsn, 2)
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
