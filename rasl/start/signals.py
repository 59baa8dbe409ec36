"""Ends of long-running commands: Ctrl-C and SIGTERM are orders, not errors."""

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


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
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does: everything inside it is cleaned up.

    Ctrl-C, too, interrupts whatever runs: asyncio would cancel the main task once, and who misses that waits for ever.
    """
    before = {number: signal.signal(number, _interrupt) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ignore() -> None:
    """Let nothing disturb the clean-up."""
    for number in ENDING:
        signal.signal(number, signal.SIG_IGN)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
