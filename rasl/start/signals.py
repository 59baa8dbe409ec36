"""Ends of long-running commands: Ctrl-C and SIGTERM are orders, not errors."""

import asyncio
import contextlib
import signal
from collections.abc import Coroutine, Iterator
from types import FrameType
from typing import Any, TypeVar

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AGAIN_SECONDS = 0.5
_T = TypeVar("_T")


@contextlib.contextmanager
def ended_by_signal() -> Iterator[None]:
    """Leave the block quietly, everything inside it cleaned up, when one of the signals comes."""
    before = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: everything inside it is cleaned up."""
    before = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_interruptibly(work: Coroutine[Any, Any, _T]) -> _T:
    """Run something until it ends or a signal comes, which cancels it; raises KeyboardInterrupt then.

    An exception raised wherever the program happens to be could hit a driver written in C in the middle of something.
    It is cancelled again until it ends: whoever misses one cancellation would wait for ever.
    """
    return asyncio.run(_until_signalled(work))


async def _until_signalled(work: Coroutine[Any, Any, _T]) -> _T:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def cancel() -> None:
        if not task.done():
            task.cancel()
            loop.call_later(_AGAIN_SECONDS, cancel)

    for number in ENDING:
        loop.add_signal_handler(number, cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def ignore() -> None:
    """Let nothing disturb the clean-up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
