"""Whether a tenant's subscription runs: an ended one reads everything, and sends nothing."""

import datetime as dt

import msgspec

STATUSES = ("active", "expired", "cancelled")


class Subscription(msgspec.Struct, frozen=True):
    """What whoever bills the tenant said last; no status where nobody bills it."""

    status: str | None = None
    ends_at: dt.datetime | None = None

    def status_at(self, now: dt.datetime) -> str | None:
        """Return how it stands: an active one expires by itself at the end of its period."""
        return "expired" if self.status == "active" and self._is_over(now) else self.status

    def is_running(self, now: dt.datetime) -> bool:
        """Tell whether messages may be sent: a cancelled one runs until the end of what was paid for."""
        if self.status == "cancelled":
            return self.ends_at is not None and not self._is_over(now)
        return self.status_at(now) != "expired"

    def _is_over(self, now: dt.datetime) -> bool:
        return self.ends_at is not None and self.ends_at <= now


NO_SUBSCRIPTION = Subscription()
