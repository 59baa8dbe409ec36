"""How a test waits for what other tasks and processes bring about."""

import asyncio
import time
from collections.abc import Awaitable, Callable

PATIENCE = 60.0  # seconds; long, because only a test that fails ever waits so long
_LONGEST_STEP = 0.5


class Patience:
    """Seconds that run out only while this process runs.

    Between two looks at most half a second is counted. A machine that stands still for ten seconds stops the ones that
    are waited for as well as the one that waits: that is no failure of theirs.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds
        self._looked_at = time.monotonic()

    def is_over(self) -> bool:
        """Count the time since the last look, and tell whether it was the last."""
        now = time.monotonic()
        self._left -= min(now - self._looked_at, _LONGEST_STEP)
        self._looked_at = now
        return self._left <= 0


async def until(
    condition: Callable[[], Awaitable[bool]],
    seconds: float = PATIENCE,
    explain: Callable[[], str] = str,
    pause: float = 0.02,
) -> None:
    """Poll until the condition holds; raises TimeoutError with what `explain` says when it does not come true."""
    patience = Patience(seconds)
    while not await condition():
        if patience.is_over():
            raise TimeoutError(f"did not happen within {seconds} s\n{explain()}")
        await asyncio.sleep(pause)


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE, pause: float = 0.02) -> None:
    """Do the same where no event loop runs."""
    patience = Patience(seconds)
    while not condition():
        if patience.is_over():
            raise TimeoutError(f"did not happen within {seconds} s")
        time.sleep(pause)
