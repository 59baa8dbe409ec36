"""Sending numbers as the worker knows them: read again within a second, and those that do not open told apart."""

from collections.abc import Iterable

import msgspec

from rasl import clock
from rasl.db import tenants
from rasl.db.pool import Db
from rasl.dispatch.kind import NotNowError
from rasl.domain.tenants import Number
from rasl.errors import NotFound
from rasl.sealing import SealError
from rasl.services.ground.callers import CACHE_SECONDS, read_number
from rasl.services.ground.resources import Resources

_KEPT_SECONDS = CACHE_SECONDS
_AWAY_SECONDS = 300.0  # until the jobs of a number that is disconnected are looked at again


class Known(msgspec.Struct, frozen=True):
    """A number as it was read, or why it cannot be used."""

    expires: float
    unknown_policy: str
    number: Number | None
    problem: Exception | None = None

    def opened(self) -> Number:
        """Return the number; raises what stands in its way, NotNowError where it is disconnected."""
        if self.number is None:
            raise self.problem or NotFound
        return self.number


class Numbers:
    """The numbers whose jobs this worker works on."""

    def __init__(self, resources: Resources) -> None:
        self._sealer = resources.sealer
        self._known: dict[int, Known] = {}

    def __getitem__(self, number_id: int) -> Known:
        return self._known[number_id]

    def usable(self) -> Iterable[Number]:
        """Return those that can be used."""
        return (known.number for known in self._known.values() if known.number)

    async def load(self, db: Db, number_ids: Iterable[int]) -> None:
        """Read what is not known, or not known any more."""
        now = clock.monotonic()
        wanted = {key for key in number_ids if key not in self._known or self._known[key].expires < now}
        if not wanted:
            return
        for row in await tenants.load_numbers(db, sorted(wanted)):
            try:
                number, problem = read_number(row, self._sealer), None
            except SealError as error:
                number, problem = None, error
            wanted.discard(row["number_id"])
            self._known[row["number_id"]] = Known(now + _KEPT_SECONDS, row["unknown_policy"], number, problem)
        for number_id in wanted:
            # Not remembered at all: in the moment it is connected again its jobs are due.
            self._known[number_id] = Known(now - _KEPT_SECONDS, "hold", None, NotNowError(_AWAY_SECONDS))
