"""Whether this process can do its work: the database answers, and takes what is written."""

import asyncio

import asyncpg

from rasl import clock, log
from rasl.db import installation
from rasl.db.pool import Database
from rasl.errors import ServiceUnavailable

KEPT_SECONDS = 1.0  # however often it is asked, the database is asked once in that time
_ANSWER_SECONDS = 2.0
_NO_ANSWER = "the database does not answer"
_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (asyncpg.DiskFullError, "the database's disk is full"),
    (asyncpg.ReadOnlySQLTransactionError, "the database is read-only"),
)
_logger = log.get_logger()


class Readiness:
    """Asks the database by writing to it; one per process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._problem: str | None = None
        self._known_until = 0.0
        self._asking: asyncio.Task[None] | None = None

    async def problem(self) -> str | None:
        """Return why nothing can be accepted now, or None; those who ask at the same moment share one question."""
        if clock.monotonic() >= self._known_until:
            if self._asking is None:
                self._asking = asyncio.create_task(self._ask())
                self._asking.add_done_callback(self._answered)
            await asyncio.shield(self._asking)
        return self._problem

    def _answered(self, _task: object) -> None:
        self._asking = None

    async def _ask(self) -> None:
        problem = await self._write()
        if problem != self._problem:
            if problem is None:
                _logger.info("ready_again")
            else:
                _logger.error("not_ready", reason=problem)
        self._problem = problem
        self._known_until = clock.monotonic() + KEPT_SECONDS

    async def _write(self) -> str | None:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS), self._database.connection() as db:
                await installation.write_probe(db)
        except ServiceUnavailable as error:
            return next((text for kind, text in _REASONS if isinstance(error.__cause__, kind)), _NO_ANSWER)
        except TimeoutError:
            return _NO_ANSWER
        except asyncpg.PostgresError as error:
            return f"the database cannot write: {type(error).__name__}"
        return None
