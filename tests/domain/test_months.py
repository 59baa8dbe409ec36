"""Months begin by the calendar of the tenant's time zone."""

import datetime as dt
import zoneinfo

import pytest

from rasl.domain.months import month_of

SECOND = dt.timedelta(seconds=1)


@pytest.mark.parametrize(
    ("time_zone", "begins", "month"),
    [
        ("UTC", "2026-03-01T00:00:00+00:00", "2026-03-01"),
        (
            "Europe/Berlin",
            "2026-03-31T22:00:00+00:00",
            "2026-04-01",
        ),  # two days after the clocks went forward
        ("Europe/Berlin", "2026-10-31T23:00:00+00:00", "2026-11-01"),  # and after they went back
        ("America/Los_Angeles", "2026-11-01T07:00:00+00:00", "2026-11-01"),  # they go back two hours later
        ("America/Los_Angeles", "2026-12-01T08:00:00+00:00", "2026-12-01"),
        ("Pacific/Kiritimati", "2025-12-31T10:00:00+00:00", "2026-01-01"),
        ("America/Santiago", "2026-09-01T04:00:00+00:00", "2026-09-01"),
        ("Asia/Kathmandu", "2026-02-28T18:15:00+00:00", "2026-03-01"),
        ("Asia/Kathmandu", "2028-02-29T18:15:00+00:00", "2028-03-01"),
        ("Etc/GMT+12", "2026-03-01T12:00:00+00:00", "2026-03-01"),
        ("Etc/GMT-14", "2026-02-28T10:00:00+00:00", "2026-03-01"),
    ],
)
def test_a_month_begins_at_midnight_there(time_zone: str, begins: str, month: str) -> None:
    moment, first = dt.datetime.fromisoformat(begins), dt.date.fromisoformat(month)
    assert month_of(moment, time_zone) == first
    assert month_of(moment - SECOND, time_zone) == (first - dt.timedelta(days=1)).replace(day=1)


@pytest.mark.parametrize("time_zone", ["Etc/GMT+12", "Etc/GMT-14", "Asia/Kathmandu", "America/Santiago"])
def test_it_is_the_month_of_the_calendar_at_any_hour_of_a_year(time_zone: str) -> None:
    moment, zone = dt.datetime(2026, 1, 1, tzinfo=dt.UTC), zoneinfo.ZoneInfo(time_zone)
    for _ in range(366 * 24):
        assert month_of(moment, time_zone) == moment.astimezone(zone).date().replace(day=1)
        moment += dt.timedelta(hours=1)
