"""What a setting needs by itself, and lists within one."""

import ipaddress
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

# An origin as browsers send it: a name or an address of the host, never the port that goes without saying.
_ORIGIN = re.compile(
    r"(https?)://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*|\[[0-9a-f:.]+\])"
    r"(?::([1-9]\d{0,4}))?",
    re.ASCII,
)
_USUAL_PORTS = {"http": "80", "https": "443"}


class Rule(NamedTuple):
    """What one setting needs; what two of them need of each other stands in `_contradictions` of `settings.py`."""

    needs: str
    holds: Callable[[Any], bool]


def listed(text: str) -> list[str]:
    """Return what stands between the commas."""
    return [item.strip() for item in text.split(",") if item.strip()]


def is_origin(text: str) -> bool:
    """Tell whether a text is an origin as browsers send it."""
    match = _ORIGIN.fullmatch(text)
    return match is not None and match[2] != _USUAL_PORTS[match[1]] and int(match[2] or 1) in range(1, 65536)


def is_network(text: str) -> bool:
    """Tell whether a text is an address or a network, IPv4 or IPv6, and means the same on every machine."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return "%" not in text


def between(least: float, most: float) -> Rule:
    """Return the rule of numbers that have both bounds."""
    return Rule(f"must be between {least} and {most}", lambda value: least <= value <= most)


def at_least(least: float) -> Rule:
    """Return the rule of numbers that have a lower bound."""
    return Rule(f"must be at least {least}", lambda value: value >= least)


ABOVE_ZERO = Rule("must be a number above 0", lambda value: 0 < value < math.inf)
