from datetime import UTC, datetime, timedelta
from functools import reduce
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.message_status import REPORTED_BY_META, MessageStatus, StatusTimes, merge, merge_times

TEN = datetime(2026, 3, 4, 10, 0, tzinfo=UTC)
LATER = TEN + timedelta(seconds=30)
OUTBOUND = [status for status in MessageStatus if status is not MessageStatus.RECEIVED]


@pytest.mark.parametrize(
    ("current", "incoming", "expected"),
    [
        ("queued", "sent", "sent"),
        ("sending", "sent", "sent"),
        ("unknown", "sent", "sent"),
        ("unknown", "failed", "failed"),
        ("unknown", "delivered", "delivered"),
        ("sent", "delivered", "delivered"),
        ("sent", "read", "read"),
        ("delivered", "read", "read"),
        ("read", "played", "played"),
        ("read", "delivered", "read"),
        ("played", "read", "played"),
        ("delivered", "sent", "delivered"),
        ("sent", "sent", "sent"),
        ("sent", "unknown", "sent"),
        ("sent", "failed", "failed"),
        ("queued", "failed", "failed"),
        ("delivered", "failed", "delivered"),
        ("read", "failed", "read"),
        ("failed", "sent", "failed"),
        ("failed", "delivered", "delivered"),
        ("failed", "read", "read"),
        ("failed", "failed", "failed"),
        ("received", "read", "received"),
        ("sent", "received", "sent"),
    ],
)
def test_a_report_moves_a_message_only_forward(current: str, incoming: str, expected: str) -> None:
    assert merge(MessageStatus(current), MessageStatus(incoming)) is MessageStatus(expected)


@given(st.lists(st.sampled_from(OUTBOUND), min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_order_and_repetition_of_reports_never_matter(reports: list[MessageStatus], shuffler: Random) -> None:
    again = [*reports, *reports[: len(reports) // 2]]
    shuffler.shuffle(again)
    assert reduce(merge, again, MessageStatus.QUEUED) is reduce(merge, reports, MessageStatus.QUEUED)


_SECONDS = st.integers(0, 3600).map(lambda seconds: TEN + timedelta(seconds=seconds))


@given(
    st.lists(st.tuples(st.sampled_from(OUTBOUND), _SECONDS), min_size=1, max_size=10),
    st.randoms(use_true_random=False),
)
def test_order_and_repetition_never_change_the_times(
    reports: list[tuple[MessageStatus, datetime]], shuffler: Random
) -> None:
    again = [*reports, *reports[: len(reports) // 2]]
    shuffler.shuffle(again)

    def all_times(seen: list[tuple[MessageStatus, datetime]]) -> StatusTimes:
        return reduce(lambda times, report: merge_times(times, *report), seen, StatusTimes())

    assert all_times(again) == all_times(reports)


def test_a_read_without_a_delivery_implies_the_delivery() -> None:
    times = merge_times(StatusTimes(sent_at=TEN), MessageStatus.READ, LATER)
    assert times == StatusTimes(sent_at=TEN, delivered_at=LATER, read_at=LATER)


def test_a_reported_delivery_stands_against_a_later_read() -> None:
    times = merge_times(StatusTimes(sent_at=TEN, delivered_at=TEN), MessageStatus.READ, LATER)
    assert times == StatusTimes(sent_at=TEN, delivered_at=TEN, read_at=LATER)


def test_a_repeated_report_keeps_the_earliest_time() -> None:
    times = merge_times(StatusTimes(sent_at=LATER), MessageStatus.SENT, TEN)
    assert times == StatusTimes(sent_at=TEN)


def test_a_failure_sets_only_its_own_time() -> None:
    assert merge_times(StatusTimes(), MessageStatus.FAILED, TEN) == StatusTimes(failed_at=TEN)


@pytest.mark.parametrize("status", ["queued", "sending", "unknown", "received"])
def test_our_own_statuses_set_no_time(status: str) -> None:
    assert merge_times(StatusTimes(), MessageStatus(status), TEN) == StatusTimes()


def test_meta_reports_five_statuses() -> None:
    assert {"sent", "delivered", "read", "played", "failed"} == REPORTED_BY_META
