"""One heap of everything that is due later, driven by a single event-loop timer."""

import asyncio
import itertools
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Any

TICK = 0.005


class Timers:
    """Calls functions later; what falls due within one tick runs together, so it can be batched."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[[Any], None], Any]] = []
        self._order = itertools.count()
        self._handle: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._is_ticking = False

    def __len__(self) -> int:
        return len(self._heap)

    def after(self, delay: float, call: Callable[[Any], None], argument: Any) -> None:
        """Call a function with one argument once the delay is over."""
        loop = asyncio.get_running_loop()
        due = loop.time() + delay
        heappush(self._heap, (due, next(self._order), call, argument))
        if not self._is_ticking and (self._handle is None or due < self._armed_for - TICK):
            self._arm(loop, due)

    def advance(self, seconds: float) -> None:
        """Let everything be due that much earlier."""
        self._heap = [(due - seconds, order, call, argument) for due, order, call, argument in self._heap]
        heapify(self._heap)
        if self._heap and not self._is_ticking:
            self._arm(asyncio.get_running_loop(), self._heap[0][0])

    def clear(self) -> None:
        """Forget everything that is due."""
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _arm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        if self._handle is not None:
            self._handle.cancel()
        self._armed_for = max(due, loop.time() + TICK)
        self._handle = loop.call_at(self._armed_for, self._tick, loop)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._handle = None
        self._is_ticking = True
        now = loop.time()
        try:
            while self._heap and self._heap[0][0] <= now:
                _, _, call, argument = heappop(self._heap)
                call(argument)
        finally:
            self._is_ticking = False
            if self._heap:
                self._arm(loop, self._heap[0][0])
