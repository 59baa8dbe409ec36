"""The only source of time."""

import datetime as dt
import time


def now() -> dt.datetime:
    """Return the current moment, aware and in UTC."""
    return dt.datetime.now(dt.UTC)


monotonic = time.monotonic
"""Returns seconds on a clock that never jumps; only differences mean anything."""
