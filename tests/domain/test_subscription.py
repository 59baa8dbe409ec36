"""When a subscription runs, and what is said of it."""

import datetime as dt

import pytest

from rasl.domain.subscription import Subscription

NOW = dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("status", "ends_at", "shown", "is_running"),
    [
        (None, None, None, True),
        (None, NOW - SECOND, None, True),
        ("active", None, "active", True),
        ("active", NOW + SECOND, "active", True),
        ("active", NOW, "expired", False),
        ("expired", None, "expired", False),
        ("expired", NOW + SECOND, "expired", False),
        ("cancelled", None, "cancelled", False),
        ("cancelled", NOW + SECOND, "cancelled", True),
        ("cancelled", NOW, "cancelled", False),
    ],
)
def test_it_runs_until_the_end_of_its_period(
    status: str | None, ends_at: dt.datetime | None, shown: str | None, *, is_running: bool
) -> None:
    subscription = Subscription(status, ends_at)
    assert (subscription.status_at(NOW), subscription.is_running(NOW)) == (shown, is_running)
