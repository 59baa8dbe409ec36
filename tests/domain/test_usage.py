"""The use of a limit, as the account shows it."""

import msgspec
import pytest

from rasl.domain.usage import usage_of


@pytest.mark.parametrize(
    ("current", "limit", "remaining", "percentage", "is_unlimited"),
    [
        (0, 500, 500, 0.0, False),
        (128, 500, 372, 25.6, False),
        (1, 3, 2, 33.33, False),
        (2, 3, 1, 66.67, False),
        (500, 500, 0, 100.0, False),
        (501, 500, 0, 100.0, False),
        (0, 0, 0, 100.0, False),
        (7, -1, None, 0.0, True),
        (7, None, None, 0.0, False),
    ],
)
def test_it_says_what_is_left(
    current: int, limit: int | None, remaining: int | None, percentage: float, *, is_unlimited: bool
) -> None:
    shown = msgspec.to_builtins(usage_of(current, limit))
    assert shown == {
        "current": current,
        "limit": limit,
        "remaining": remaining,
        "percentage_used": percentage,
        "is_unlimited": is_unlimited,
    }
