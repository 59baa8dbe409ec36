"""Limits of so many per window, the window beginning with the first: 10 a minute is ten at once, then none."""

import datetime as dt
import math

import msgspec


class WindowLimit(msgspec.Struct, frozen=True):
    """At most `most` within one window."""

    name: str
    most: int
    window: dt.timedelta


def retry_after(seconds_left: float) -> int:
    """Return the whole seconds after which the window is over."""
    return max(1, math.ceil(seconds_left))
