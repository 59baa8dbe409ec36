"""How many requests this worker has open to each endpoint, and which endpoints have to wait.

Every endpoint has places of its own. One that is slow gets fewer, and all slow ones together have a share of the worker
that leaves room for the others: whoever does not answer delays nobody but its own deliveries and those of its like.
"""

from collections import Counter
from typing import ClassVar

import msgspec

from rasl import clock

_SLOW_AFTER = 1.0  # seconds that a request takes, or is open
_SLOW_PLACES = 4
_PLACES_OF_SLOW = 200  # of all slow endpoints together
_SLOW_FOR = 60.0


class Place(msgspec.Struct, eq=False):
    """One open request."""

    endpoint_id: int
    began: float


class Endpoints:
    """The endpoints that one worker talks to."""

    PLACES: ClassVar[int] = 32

    def __init__(self) -> None:
        self._open: set[Place] = set()
        self._slow: dict[int, float] = {}  # until when
        self._resting: dict[int, float] = {}  # until when

    def begin(self, endpoint_id: int) -> Place:
        """Take a place for a request."""
        place = Place(endpoint_id, clock.monotonic())
        self._open.add(place)
        return place

    def end(self, place: Place) -> bool:
        """Give a place back; True when it is worth looking for more to do."""
        self._open.discard(place)
        now = clock.monotonic()
        if now - place.began >= _SLOW_AFTER:
            self._slow[place.endpoint_id] = now + _SLOW_FOR
        else:
            self._slow.pop(place.endpoint_id, None)
        taken = sum(1 for it in self._open if it.endpoint_id == place.endpoint_id)
        return taken in {0, self.PLACES // 2, self._places(place.endpoint_id) - 1}

    def rest(self, endpoint_id: int, seconds: float) -> None:
        """Leave an endpoint alone for a while."""
        if seconds > 0:
            self._resting[endpoint_id] = clock.monotonic() + seconds

    def until_next(self, seconds: float) -> float:
        """Return after how many seconds an endpoint has rested, but not more than these."""
        now = clock.monotonic()
        return min([seconds, *(max(0.0, until - now) for until in self._resting.values())])

    def full(self) -> list[int]:
        """Return the endpoints for which nothing is to be claimed at this moment."""
        self._look()
        taken = Counter(place.endpoint_id for place in self._open)
        full = {endpoint_id for endpoint_id, count in taken.items() if count >= self._places(endpoint_id)}
        if sum(count for endpoint_id, count in taken.items() if endpoint_id in self._slow) >= _PLACES_OF_SLOW:
            full.update(self._slow)
        return [*full.union(self._resting)]

    def shares(self) -> dict[int, int]:
        """Return how many places each endpoint has left, where that is not the usual number."""
        taken = Counter(place.endpoint_id for place in self._open)
        return {
            endpoint_id: max(0, self._places(endpoint_id) - taken[endpoint_id])
            for endpoint_id in {*taken, *self._slow}
        }

    def _places(self, endpoint_id: int) -> int:
        return _SLOW_PLACES if endpoint_id in self._slow else self.PLACES

    def _look(self) -> None:
        """Forget who has rested or was slow long ago, and see who is slow by now."""
        now = clock.monotonic()
        self._resting = {key: until for key, until in self._resting.items() if until > now}
        self._slow = {key: until for key, until in self._slow.items() if until > now}
        for place in self._open:
            if now - place.began >= _SLOW_AFTER:
                self._slow[place.endpoint_id] = now + _SLOW_FOR
