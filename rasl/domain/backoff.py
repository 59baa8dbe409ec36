"""What happens after an attempt: decided here, obeyed by sending."""

import datetime as dt
import enum

import msgspec


class Trouble(enum.Enum):
    """Why an attempt did not end with a wamid, as far as the next step cares."""

    NOT_SENT = "not_sent"  # no byte left this machine
    RETRY = "retry"  # Meta asked for another try
    THROTTLED = "throttled"  # the number is over its throughput
    PAIR_THROTTLED = "pair_throttled"  # this recipient got too much too fast
    CREDENTIALS = "credentials"  # the access token is dead: no message's fault
    REFUSED = "refused"  # definite
    AMBIGUOUS = "ambiguous"  # perhaps sent


class Retry(msgspec.Struct, frozen=True):
    """Try again after so many seconds."""

    seconds: float


class Fail(msgspec.Struct, frozen=True):
    """Give up: the message is `failed`."""


class Wait(msgspec.Struct, frozen=True):
    """Nobody knows: the message is `unknown` until Meta's echo or the tenant's policy settles it."""


Step = Retry | Fail | Wait

MAX_AGE = dt.timedelta(hours=24)
MAX_PAUSE = 600.0
CREDENTIALS_PAUSE = 60.0


def next_step(
    trouble: Trouble,
    attempt: int,
    age: dt.timedelta,
    jitter: float,
    retry_after: float | None = None,
    *,
    is_request: bool,
    max_age: dt.timedelta = MAX_AGE,
) -> Step:
    """Decide after attempt number `attempt` (1, 2, ...) of a message `age` old; jitter is random in [0, 1).

    A dead access token is told to whoever waits for the answer, but does not burn the queue.

    Pauses: 4^X s for a throttled pair (https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes,
    131056), otherwise 1, 2, 4 ... s with half of it jittered, never above ten minutes; Meta's Retry-After is honoured.
    """
    if trouble is Trouble.AMBIGUOUS:
        return Wait()
    if trouble is Trouble.REFUSED or age >= max_age:
        return Fail()
    if trouble is Trouble.CREDENTIALS:
        return Fail() if is_request else Retry(CREDENTIALS_PAUSE)
    base = 4.0 if trouble is Trouble.PAIR_THROTTLED else 2.0
    pause = min(MAX_PAUSE, base ** min(attempt - 1, 10))
    if trouble is not Trouble.PAIR_THROTTLED:
        pause *= 0.5 + jitter / 2
    return Retry(max(pause, min(retry_after or 0.0, MAX_PAUSE)))


MAX_DOWNLOAD_PAUSE = 3600.0


def download_pause(attempt: int, jitter: float) -> float:
    """Return the seconds before a download is tried again: 1, 2, 4 ... up to an hour, half of it jittered."""
    return min(MAX_DOWNLOAD_PAUSE, 2.0 ** min(attempt - 1, 20)) * (0.5 + jitter / 2)


MAX_JOB_PAUSE = 300.0
MAX_JOB_FAILURES = 10


def job_pause(failures: int) -> float | None:
    """Return the seconds before a job that failed so often in a row, by a fault of ours, is tried again.

    2, 4, 8 ... up to five minutes; None after the tenth, a quarter of an hour after the first: it is set aside.
    """
    return None if failures >= MAX_JOB_FAILURES else min(MAX_JOB_PAUSE, 2.0**failures)
