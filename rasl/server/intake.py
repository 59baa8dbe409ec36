"""What the connections of one process share: the memory that strangers may hold, and who gives way when it is full."""

import asyncio
from collections.abc import Iterable
from typing import Protocol

from rasl import log
from rasl.server.limits import Limits

_logger = log.get_logger()


class Holder(Protocol):
    """A connection as the intake sees it."""

    @property
    def share(self) -> str:
        """For whom its request claims to be; empty while it claims nothing."""

    @property
    def gives_way(self) -> bool:
        """Whether its request can still be refused, because nobody has begun to act on it."""

    def give_way(self) -> None:
        """Refuse its request and release what it holds."""

    def end_now(self) -> None:
        """Close it, as nothing is under way on it and another needs its place."""

    def check(self, now: float) -> None:
        """End what takes too long."""


class _Share:
    """What is held in one name, the oldest holder first."""

    __slots__ = ("held", "total")

    def __init__(self) -> None:
        self.held: dict[Holder, int] = {}
        self.total = 0


class Intake:
    """The state of one process's door."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.is_draining = False
        self.idle: dict[Holder, None] = {}  # the longest idle first
        self.total = 0
        self._shares: dict[str, _Share] = {}
        self._places: dict[Holder, str] = {}

    def hold(self, holder: Holder, size: int) -> None:
        """Count bytes for a stranger; when all are more than there may be, the oldest of the largest share gives way.

        A delivery of Meta comes whole within milliseconds, so under a flood of slow ones it is never the oldest, and
        a flood in one callback's name cannot take another callback's share.
        """
        name = self._places.setdefault(holder, holder.share)
        share = self._shares.get(name)
        if share is None:
            share = self._shares[name] = _Share()
        share.held[holder] = share.held.get(holder, 0) + size
        share.total += size
        self.total += size
        while self.is_full and self._relieve():
            pass

    @property
    def is_full(self) -> bool:
        """Whether strangers hold more than they may."""
        return self.total > self.limits.stranger_bytes

    def move(self, holder: Holder) -> None:
        """Count what a stranger holds for the share that it claims now."""
        size = self.release(holder)
        if size:
            self.hold(holder, size)

    def release(self, holder: Holder) -> int:
        """Count nothing for it any more; returns what was counted."""
        name = self._places.pop(holder, None)
        if name is None:
            return 0
        share = self._shares[name]
        size = share.held.pop(holder)
        share.total -= size
        self.total -= size
        if not share.held:
            del self._shares[name]
        return size

    def has_room(self, connections: int) -> bool:
        """Tell whether one more connection can be taken; if need be, one that does nothing gives way for it."""
        if connections <= self.limits.connections:
            return True
        oldest = next(iter(self.idle), None)
        if oldest is not None:
            oldest.end_now()
            return True
        return self._relieve()

    async def watch(self, holders: Iterable[Holder]) -> None:
        """End what takes too long, until cancelled; `holders` are read anew each time."""
        loop = asyncio.get_running_loop()
        pause = min(1.0, self.limits.request_seconds / 4)
        while True:
            await asyncio.sleep(pause)
            now = loop.time()
            for holder in list(holders):
                try:
                    holder.check(now)
                except Exception:
                    _logger.exception("connection_not_checked")

    def _relieve(self) -> bool:
        """Let one holder give way; tells whether there was one."""
        for share in sorted(self._shares.values(), key=lambda share: share.total, reverse=True):
            victim = next((holder for holder in share.held if holder.gives_way), None)
            if victim is not None:
                victim.give_way()
                self.release(victim)
                return True
        return False
