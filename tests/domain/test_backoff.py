import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.backoff import (
    CREDENTIALS_PAUSE,
    MAX_AGE,
    MAX_PAUSE,
    Fail,
    Retry,
    Step,
    Trouble,
    Wait,
    next_step,
)

YOUNG = dt.timedelta(seconds=1)
TRANSIENT = [Trouble.NOT_SENT, Trouble.RETRY, Trouble.THROTTLED]


@pytest.mark.parametrize("trouble", TRANSIENT)
@pytest.mark.parametrize(
    ("attempt", "jitter", "seconds"),
    [
        (1, 0.0, 0.5),
        (1, 0.5, 0.75),
        (2, 0.0, 1.0),
        (3, 0.0, 2.0),
        (4, 0.5, 6.0),
        (10, 0.0, 256.0),
        (11, 0.0, MAX_PAUSE / 2),
        (11, 0.999, MAX_PAUSE * 0.9995),
        (5_000, 0.0, MAX_PAUSE / 2),
    ],
)
@pytest.mark.parametrize("is_request", [True, False])
def test_what_may_pass_is_tried_again_with_doubling_jittered_pauses(
    trouble: Trouble, attempt: int, jitter: float, seconds: float, *, is_request: bool
) -> None:
    step = next_step(trouble, attempt, YOUNG, jitter, is_request=is_request)
    assert isinstance(step, Retry)
    assert step.seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("attempt", "seconds"),
    [(1, 1.0), (2, 4.0), (3, 16.0), (4, 64.0), (5, 256.0), (6, MAX_PAUSE), (10_000, MAX_PAUSE)],
)
@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_a_throttled_recipient_waits_4_to_the_power_of_x_as_meta_asks(
    attempt: int, seconds: float, jitter: float
) -> None:
    assert next_step(Trouble.PAIR_THROTTLED, attempt, YOUNG, jitter, is_request=True) == Retry(seconds)


@pytest.mark.parametrize(
    ("trouble", "is_request", "expected"),
    [
        (Trouble.AMBIGUOUS, True, Wait()),
        (Trouble.AMBIGUOUS, False, Wait()),
        (Trouble.REFUSED, True, Fail()),
        (Trouble.REFUSED, False, Fail()),
        (Trouble.CREDENTIALS, True, Fail()),
        (Trouble.CREDENTIALS, False, Retry(CREDENTIALS_PAUSE)),
    ],
)
@pytest.mark.parametrize("attempt", [1, 7])
def test_it_never_sends_twice_what_may_have_gone_and_never_repeats_a_refusal(
    trouble: Trouble, attempt: int, expected: Step, *, is_request: bool
) -> None:
    assert next_step(trouble, attempt, YOUNG, 0.5, is_request=is_request) == expected


@pytest.mark.parametrize("trouble", [*TRANSIENT, Trouble.PAIR_THROTTLED, Trouble.CREDENTIALS])
@pytest.mark.parametrize(
    ("age", "gives_up"),
    [(MAX_AGE - dt.timedelta(seconds=1), False), (MAX_AGE, True), (MAX_AGE * 3, True)],
)
def test_it_gives_up_after_a_day(trouble: Trouble, age: dt.timedelta, *, gives_up: bool) -> None:
    step = next_step(trouble, 1, age, 0.5, is_request=False)
    assert isinstance(step, Fail) is gives_up


def test_what_may_have_gone_is_not_declared_failed_however_old_it_is() -> None:
    assert next_step(Trouble.AMBIGUOUS, 1, MAX_AGE * 3, 0.5, is_request=False) == Wait()


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [(None, 1.0), (0.0, 1.0), (0.2, 1.0), (30.0, 30.0), (86_400.0, MAX_PAUSE)],
)
def test_metas_own_wish_is_honoured_within_reason(retry_after: float | None, seconds: float) -> None:
    assert next_step(Trouble.THROTTLED, 2, YOUNG, 0.0, retry_after, is_request=False) == Retry(seconds)


@given(
    st.sampled_from([*TRANSIENT, Trouble.PAIR_THROTTLED]),
    st.integers(1, 10_000),
    st.floats(0, 1, exclude_max=True),
    st.none() | st.floats(0, 1e9),
)
def test_a_pause_is_never_nothing_and_never_above_ten_minutes(
    trouble: Trouble, attempt: int, jitter: float, retry_after: float | None
) -> None:
    step = next_step(trouble, attempt, YOUNG, jitter, retry_after, is_request=False)
    assert isinstance(step, Retry)
    assert 0.5 <= step.seconds <= MAX_PAUSE


@pytest.mark.parametrize(
    "trouble", [Trouble.NOT_SENT, Trouble.RETRY, Trouble.THROTTLED, Trouble.PAIR_THROTTLED]
)
def test_what_is_good_for_minutes_is_tried_for_minutes(trouble: Trouble) -> None:
    minutes = dt.timedelta(minutes=10)
    ages = (minutes - dt.timedelta(seconds=1), minutes)
    steps = [next_step(trouble, 1, age, 0.5, is_request=False, max_age=minutes) for age in ages]
    assert isinstance(steps[0], Retry)
    assert steps[1] == Fail()
