"""What is done again and again must outlive whatever is raised in it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import msgspec

from rasl import log
from rasl.errors import ServiceUnavailable

_T = TypeVar("_T")
_logger = log.get_logger()


class Guard:
    """Runs one act again and again: whatever it raises is told and swallowed, unless we are told to end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._last: type[BaseException] | None = None

    async def run(self, act: Callable[[], Awaitable[_T]]) -> _T | None:
        """Return what the act returns, or None when it failed."""
        try:
            result = await act()
        except ServiceUnavailable:
            return None  # an outage, which the database's own log line tells once
        except (Exception, asyncio.CancelledError) as error:
            if is_told_to_end(error):
                raise
            # The same failure again is worth a line, not a trace.
            tell = _logger.warning if type(error) is self._last else _logger.exception
            tell("act_failed", act=self._name, error=type(error).__name__)
            self._last = type(error)
            return None
        self._last = None
        return result


def is_told_to_end(error: BaseException) -> bool:
    """Tell a cancellation of this very task from one that came out of something it waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling() > 0


class Act(msgspec.Struct, frozen=True):
    """Something to be done every so many seconds, by itself: no other act waits for it or fails with it."""

    name: str
    seconds: float
    do: Callable[[], Awaitable[object]]


async def keep_up(acts: Sequence[Act]) -> None:
    """Do each act in its own rhythm, until cancelled."""
    await asyncio.gather(*(_repeat(act) for act in acts))


async def _repeat(act: Act) -> None:
    guard = Guard(act.name)
    while True:
        await asyncio.sleep(act.seconds)
        await guard.run(act.do)
