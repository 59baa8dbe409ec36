"""Meta's sending limits: messages per second and number, and messages to one user from one number."""

import time

THROUGHPUT_WINDOW = 1.0
PAIR_INTERVAL = 6.0
PAIR_BURST = 45
_PRUNE_AT = 100_000


class Limits:
    """Remembers how much of each limit is used up."""

    def __init__(self) -> None:
        self._due: dict[str, float] = {}
        self._pairs: dict[tuple[str, str], tuple[float, int, float]] = {}

    def takes_throughput(self, phone_number_id: str, per_second: int) -> bool:
        """Use one message of a number's throughput; False when it is spent."""
        now = time.monotonic()
        due = max(self._due.get(phone_number_id, 0.0), now)
        if due - now >= THROUGHPUT_WINDOW:
            return False
        self._due[phone_number_id] = due + 1.0 / per_second
        return True

    def takes_pair(self, phone_number_id: str, wa_id: str) -> bool:
        """Use one message of a pair: up to 45 within six seconds, each one borrowed from the next six."""
        now = time.monotonic()
        key = (phone_number_id, wa_id)
        opened, count, free_at = self._pairs.get(key, (0.0, 0, 0.0))
        if count and now - opened < PAIR_INTERVAL:
            if count >= PAIR_BURST:
                return False
            self._pairs[key] = (opened, count + 1, free_at + PAIR_INTERVAL)
            return True
        if free_at > now:
            return False
        if len(self._pairs) >= _PRUNE_AT:
            self._pairs = {pair: debt for pair, debt in self._pairs.items() if debt[2] > now}
        self._pairs[key] = (now, 1, now + PAIR_INTERVAL)
        return True
