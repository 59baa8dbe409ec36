"""How much a tenant uses of what its plan allows."""

import msgspec

UNLIMITED = -1


class Usage(msgspec.Struct, frozen=True):
    """The use of one limit; a limit of -1 is none, null one that nobody has set."""

    current: int
    limit: int | None
    remaining: int | None
    percentage_used: float
    is_unlimited: bool


def usage_of(current: int, limit: int | None) -> Usage:
    """Compare a use with its limit; one that was lowered below the use is used up, not more."""
    if limit is None or limit == UNLIMITED:
        return Usage(current, limit, None, 0.0, limit == UNLIMITED)
    percentage = min(100.0, round(100 * current / limit, 2)) if limit else 100.0
    return Usage(current, limit, max(0, limit - current), percentage, is_unlimited=False)
