"""When a delivery is tried again, and when its endpoint is given up; times in seconds."""

import datetime as dt
import enum

import msgspec

# Between one attempt and the next; the first is made at once. In all 62 hours, 74 with the jitter.
PAUSES = (5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 36000.0, 50400.0, 72000.0)
ATTEMPTS = len(PAUSES) + 1
JITTER = 0.2  # of a pause, more or less
MAX_RETRY_AFTER = 36_000.0  # what an endpoint asks for beyond it is not waited for
GIVEN_UP_AFTER = dt.timedelta(days=5)
GONE = 410
# Signs of an endpoint that has too much to do: it is let rest.
_OVERLOADED = frozenset({429, 502, 503, 504})
_MAX_REST = 60.0


class Reason(enum.StrEnum):
    """Why an endpoint is told nothing any more."""

    GONE = "gone"
    FAILING = "failing"


class Told(msgspec.Struct, frozen=True):
    """What came of one attempt: a status, or in words why there is none."""

    status: int | None
    duration_ms: int
    response: str | None = None
    error: str | None = None
    retry_after: float | None = None

    @property
    def is_taken(self) -> bool:
        """Whether the endpoint took it: 2xx and nothing else."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def is_gone(self) -> bool:
        """Whether the endpoint says that it is gone for good."""
        return self.status == GONE

    @property
    def rest(self) -> float:
        """How long the endpoint is to be left alone by all of its deliveries."""
        if self.status not in _OVERLOADED:
            return 0.0
        return min(1.0 if self.retry_after is None else self.retry_after, _MAX_REST)


def pause_after(attempt: int, jitter: float, retry_after: float | None = None) -> float | None:
    """Return the seconds after failed attempt number `attempt` (1, 2, ...), None when it was the last.

    `jitter` is random in [0, 1). An endpoint that asks for more time gets it, up to ten hours; never less.
    """
    if attempt >= ATTEMPTS:
        return None
    planned = PAUSES[attempt - 1] * (1 - JITTER + 2 * JITTER * jitter)
    return max(planned, min(retry_after or 0.0, MAX_RETRY_AFTER))


def is_given_up(failing_since: dt.datetime | None, now: dt.datetime) -> bool:
    """Tell whether an endpoint has only failed for so long that it is told nothing any more."""
    return failing_since is not None and now - failing_since >= GIVEN_UP_AFTER


def read_retry_after(text: str | None, now: dt.datetime) -> float | None:
    """Read a `Retry-After` header: seconds or a moment; None for what is neither, or past."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:10])
    try:
        moment = dt.datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=dt.UTC)
    except ValueError:
        return None
    return max(0.0, (moment - now).total_seconds()) or None
