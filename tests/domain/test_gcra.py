import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.gcra import PAIR, Bucket, reserve

NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)
MINUTE_OF_SIXTY = Bucket(interval=1.0, burst=60)


@pytest.mark.parametrize(
    ("bucket", "interval", "burst"),
    [
        (Bucket.per_minute(60), 1.0, 60),
        (Bucket.per_minute(1), 60.0, 1),
        (Bucket.per_minute(600), 0.1, 600),
        (Bucket.per_second(80), 0.0125, 16),
        (Bucket.per_second(1000), 0.001, 200),
        (Bucket.per_second(9), 1 / 9, 1),
        (Bucket.per_second(1), 1.0, 1),
    ],
)
def test_it_turns_a_rate_into_interval_and_burst(bucket: Bucket, interval: float, burst: int) -> None:
    assert bucket == Bucket(interval, burst)


@pytest.mark.parametrize(
    ("tat", "remaining", "retry_after"),
    [
        (0.0, 60, 0.0),  # never used
        (1000.0, 60, 0.0),  # just refilled
        (1001.0, 59, 0.0),
        (1001.5, 58, 0.0),  # a permit that is half back is not there
        (1059.0, 1, 0.0),
        (1059.5, 0, 0.5),
        (1060.0, 0, 1.0),
        (1070.0, -10, 11.0),
    ],
)
def test_it_counts_what_is_left_and_when_one_is_back(tat: float, remaining: int, retry_after: float) -> None:
    assert MINUTE_OF_SIXTY.remaining(tat, 1000.0) == remaining
    assert MINUTE_OF_SIXTY.retry_after(tat, 1000.0) == pytest.approx(retry_after)


@given(
    st.integers(1, 100_000),
    st.floats(0, 1e6, allow_nan=False),
    st.floats(-1e3, 1e3, allow_nan=False),
)
def test_a_wait_is_asked_for_exactly_when_nothing_is_left(limit: int, now: float, ahead: float) -> None:
    bucket = Bucket.per_minute(limit)
    tat = now + ahead
    wait = bucket.retry_after(tat, now)
    assert bucket.remaining(tat, now) <= bucket.burst
    if bucket.remaining(tat, now) <= 0:
        assert wait > -1e-6
        assert bucket.remaining(tat, now + wait + 1e-6) >= 1
    else:
        assert wait == pytest.approx(0.0, abs=1e-6)


def test_a_recipient_gets_a_burst_of_45_at_once_and_then_one_every_six_seconds() -> None:
    tat, waits = None, []
    for _ in range(48):
        due_at, tat = reserve(PAIR, tat, NOON)
        waits.append((due_at - NOON).total_seconds())
    assert waits == [0.0] * 45 + [6.0, 12.0, 18.0]


@pytest.mark.parametrize(
    ("tat", "due_after", "tat_after"),
    [
        (None, 0, 6),
        (NOON - dt.timedelta(days=9), 0, 6),  # silence is not saved up beyond the burst
        (NOON, 0, 6),
        (NOON + dt.timedelta(seconds=264), 0, 270),  # the 45th
        (NOON + dt.timedelta(seconds=265), 1, 271),
        (NOON + dt.timedelta(seconds=270), 6, 276),  # the 46th
    ],
)
def test_it_reserves_the_next_permit(tat: dt.datetime | None, due_after: int, tat_after: int) -> None:
    due_at, new_tat = reserve(PAIR, tat, NOON)
    assert due_at == NOON + dt.timedelta(seconds=due_after)
    assert new_tat == NOON + dt.timedelta(seconds=tat_after)


def test_six_seconds_of_silence_give_one_permit_back() -> None:
    tat = None
    for _ in range(45):
        _, tat = reserve(PAIR, tat, NOON)
    later = NOON + dt.timedelta(seconds=6)
    first, tat = reserve(PAIR, tat, later)
    second, _ = reserve(PAIR, tat, later)
    assert (first, second) == (later, later + dt.timedelta(seconds=6))
