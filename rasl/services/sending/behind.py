"""Writes that are decided and wait for the database, behind the answers they belong to."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from rasl import log
from rasl.errors import ServiceUnavailable

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
_MOST_FAILURES = 10  # of a write that fails although the database is there
_Result = TypeVar("_Result")
_logger = log.get_logger()


class Behind:
    """What one process still has to write; it goes on until it is written or the process ends."""

    def __init__(self) -> None:
        self._writing: set[asyncio.Task[Any]] = set()

    def start(
        self, write: Callable[[], Awaitable[_Result]], event: str, **fields: object
    ) -> asyncio.Task[_Result | None]:
        """Write in a task of its own, which brings the result; None is a write that never succeeded.

        `event` is logged, with the fields, when it has to wait.
        """
        task = asyncio.create_task(_until_written(write, event, fields))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task

    async def finish(self, seconds: float) -> None:
        """Wait until everything is written, at most so long: part of a graceful stop."""
        if self._writing:
            await asyncio.wait(self._writing, timeout=seconds)


async def _until_written(
    write: Callable[[], Awaitable[_Result]], event: str, fields: dict[str, object]
) -> _Result | None:
    pause, failures, has_waited = _SHORTEST_PAUSE, 0, False
    while True:
        try:
            return await write()
        except ServiceUnavailable:
            if not has_waited:
                _logger.debug(event, **fields)  # the outage itself is told once, by db/outage
            has_waited = True
        except Exception:
            _logger.exception(event, **fields)
            failures += 1
            if failures == _MOST_FAILURES:
                return None
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
