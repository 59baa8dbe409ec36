"""The generic cell rate algorithm: a leaky bucket that needs one number, the theoretical arrival time (TAT)."""

import datetime as dt
import functools
import math

import msgspec


class Bucket(msgspec.Struct, frozen=True):
    """A limit: one permit every `interval` seconds, up to `burst` of them at once."""

    interval: float
    burst: int

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def per_minute(limit: int) -> "Bucket":
        """Allow the whole minute's permits at once, then refill evenly."""
        return Bucket(60.0 / limit, limit)

    @staticmethod
    @functools.lru_cache(maxsize=1024)
    def per_second(limit: int) -> "Bucket":
        """Allow a fifth of a second's permits at once: Meta counts throughput in short windows."""
        return Bucket(1.0 / limit, max(1, limit // 5))

    def remaining(self, tat: float, now: float) -> int:
        """Return how many permits are free right now; times in seconds."""
        return min(self.burst, math.floor(self.burst - max(0.0, tat - now) / self.interval + 1e-9))

    def retry_after(self, tat: float, now: float) -> float:
        """Return the seconds until one permit is free, 0 when one is."""
        return max(0.0, tat + self.interval - self.burst * self.interval - now)


# Meta: one message per 6 seconds to one user, bursts of up to 45 borrowed from the future (cloud-api section 10.1).
PAIR = Bucket(interval=6.0, burst=45)


def reserve(bucket: Bucket, tat: dt.datetime | None, now: dt.datetime) -> tuple[dt.datetime, dt.datetime]:
    """Take the next permit, free now or later; returns (the moment it may be used, the new TAT)."""
    start = max(tat, now) if tat else now
    new_tat = start + dt.timedelta(seconds=bucket.interval)
    earliest = new_tat - dt.timedelta(seconds=bucket.interval * bucket.burst)
    return max(now, earliest), new_tat
