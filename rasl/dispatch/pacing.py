"""How fast each sending number may be served: permits of its throughput, and pauses while it has none.

A claim that a number cannot send goes back at once, due when its turn will have come, so that no number's queue fills
the places of this worker; and while a number is paused, nothing is claimed for it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from rasl import clock
from rasl.dispatch.kind import Claim
from rasl.dispatch.numbers import Numbers
from rasl.services.ground.limits import Limits
from rasl.services.sending.delivering import take_permit
from rasl.services.sending.lanes import LANE_OTP

_PAUSE = 0.1  # seconds in which a number regains half a burst of permits
_CLOSED_PAUSE = 10.0  # of a number whose secret does not open: its messages would only be claimed in vain
_SHARE_SECONDS = 0.15  # of a number's throughput is claimed at once: what it cannot send only goes back


class Pace:
    """The numbers that this worker sends from, and which of them have to rest."""

    def __init__(self, numbers: Numbers, limits: Limits) -> None:
        self._numbers = numbers
        self._limits = limits
        self._paused: dict[int, float] = {}

    def shares(self) -> dict[int, int]:
        """Return how much of one claim each number can send."""
        return {
            number.id: max(1, int(number.messages_per_second * _SHARE_SECONDS))
            for number in self._numbers.usable()
        }

    def paused(self) -> list[int]:
        """Return numbers that have just used up their throughput: claiming for them would only keep others out."""
        now = clock.monotonic()
        self._paused = {number_id: until for number_id, until in self._paused.items() if until > now}
        return list(self._paused)

    def close(self, number_ids: Iterable[int]) -> None:
        """Let numbers rest that cannot be used at all."""
        self._paused |= dict.fromkeys(number_ids, clock.monotonic() + _CLOSED_PAUSE)

    def until_next(self, seconds: float) -> float:
        """Return after how many seconds a paused number goes on, but not more than these."""
        now = clock.monotonic()
        return min([seconds, *(max(0.0, until - now) for until in self._paused.values())])

    async def sort(self, claims: Sequence[Claim]) -> tuple[list[Claim], list[tuple[Claim, float]]]:
        """Take a permit of its number for each claim; the others come with the seconds until their turn."""
        permitted: list[Claim] = []
        waiting: list[tuple[Claim, float]] = []
        queued: Counter[tuple[int, bool]] = Counter()
        for claim in claims:
            number, is_first = self._numbers[claim.queue_id].opened(), claim.lane == LANE_OTP
            if not queued[number.id, is_first]:
                verdict = await take_permit(self._limits, number, is_first=is_first)
                if verdict.is_allowed:
                    permitted.append(claim)
                    continue
                self._paused[number.id] = clock.monotonic() + _PAUSE
            queued[number.id, is_first] += 1
            waiting.append((claim, queued[number.id, is_first] / number.messages_per_second))
        return permitted, waiting
