import datetime as dt

import pytest

from rasl.domain.admission import Thread, admit, is_window_open, opens_conversation, refusal
from rasl.domain.tenants import Plan, Tenant
from rasl.errors import ApiError, ContactOptedOut, WindowClosed

NOON = dt.datetime(2026, 3, 4, 12, 0, tzinfo=dt.UTC)
SECOND = dt.timedelta(seconds=1)
DAY = dt.timedelta(days=1)


def _tenant(window_policy: str = "pass", **others: object) -> Tenant:
    values: dict[str, object] = {
        "id": 1,
        "plan": Plan("unlimited", -1, -1),
        "default_country": None,
        "default_type": "lead",
        "default_status_id": 1,
        "default_source_id": 1,
        "default_assigned_id": None,
        "window_policy": window_policy,
        "unknown_policy": "hold",
        "number": None,
    }
    return Tenant(**(values | others))  # type: ignore[arg-type]


def _thread(
    *,
    is_opted_out: bool = False,
    window_expires_at: dt.datetime | None = None,
    counted_until: dt.datetime | None = None,
    pair_tat: dt.datetime | None = None,
) -> Thread:
    return Thread(77, 812, is_opted_out, window_expires_at, counted_until, pair_tat)


@pytest.mark.parametrize(
    ("policy", "expires", "needs_window", "expected"),
    [
        ("pass", None, True, None),
        ("pass", NOON - SECOND, True, None),
        ("pass", NOON + SECOND, True, None),
        ("reject", None, True, WindowClosed),
        ("reject", NOON - SECOND, True, WindowClosed),
        ("reject", NOON, True, WindowClosed),
        ("reject", NOON + SECOND, True, None),
        ("reject", None, False, None),  # a template needs no window
        ("reject", NOON - SECOND, False, None),
    ],
)
def test_the_window_closes_only_where_the_tenant_wants_it(
    policy: str, expires: dt.datetime | None, expected: type[ApiError] | None, *, needs_window: bool
) -> None:
    thread = _thread(window_expires_at=expires)
    error = refusal(_tenant(policy), thread, needs_window=needs_window, now=NOON)
    assert type(error) is (expected or type(None))


@pytest.mark.parametrize(("expires", "text"), [(None, None), (NOON - DAY, "2026-03-03T12:00:00+00:00")])
def test_a_closed_window_says_when_it_closed(expires: dt.datetime | None, text: str | None) -> None:
    error = refusal(_tenant("reject"), _thread(window_expires_at=expires), needs_window=True, now=NOON)
    assert error is not None
    assert error.details == {"window_expires_at": text}


@pytest.mark.parametrize("policy", ["pass", "reject"])
@pytest.mark.parametrize("needs_window", [True, False])
def test_who_opted_out_gets_nothing_and_that_is_said_first(policy: str, *, needs_window: bool) -> None:
    thread = _thread(is_opted_out=True)
    error = refusal(_tenant(policy), thread, needs_window=needs_window, now=NOON)
    assert isinstance(error, ContactOptedOut)
    assert error.details == {"contact_id": 812}


@pytest.mark.parametrize(
    ("expires", "is_open"), [(None, False), (NOON - SECOND, False), (NOON, False), (NOON + SECOND, True)]
)
def test_the_window_is_open_until_its_last_moment(expires: dt.datetime | None, *, is_open: bool) -> None:
    assert is_window_open(expires, NOON) is is_open


FIRST = dt.datetime(2026, 4, 1, 0, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("counted_until", "now", "counts"),
    [
        (None, NOON, True),
        (NOON + SECOND, NOON, False),
        (NOON, NOON, True),  # the 24 hours are over
        (NOON - SECOND, NOON, True),
        (NOON + DAY, NOON, False),  # counted this very moment
        (FIRST + DAY - SECOND, FIRST, True),  # counted in the last second of March
        (FIRST + DAY, FIRST, False),  # counted in the first moment of April
        (FIRST + DAY - SECOND, FIRST - SECOND, False),  # still March
        (dt.datetime(2027, 1, 1, 12, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, 1, tzinfo=dt.UTC), True),
    ],
)
def test_a_conversation_counts_once_per_24_hours_and_month(
    counted_until: dt.datetime | None, now: dt.datetime, *, counts: bool
) -> None:
    assert opens_conversation(_thread(counted_until=counted_until), now, "UTC") is counts


def test_admitting_takes_a_place_and_starts_the_24_hours() -> None:
    thread = _thread()
    assert admit(thread, is_new_conversation=True, now=NOON) == NOON
    assert thread.counted_until == NOON + DAY
    assert thread.pair_tat == NOON + 6 * SECOND
    assert not opens_conversation(thread, NOON, "UTC")


def test_admitting_to_an_open_conversation_leaves_its_24_hours_alone() -> None:
    thread = _thread(counted_until=NOON + SECOND)
    admit(thread, is_new_conversation=False, now=NOON)
    assert thread.counted_until == NOON + SECOND


def test_the_46th_message_to_one_person_waits_its_turn() -> None:
    thread = _thread()
    due = [admit(thread, is_new_conversation=False, now=NOON) for _ in range(46)]
    assert due == [NOON] * 45 + [NOON + 6 * SECOND]


@pytest.mark.parametrize(
    ("defaults", "missing"),
    [
        ({}, []),
        ({"default_status_id": None}, ["default_status_id"]),
        (
            {"default_status_id": None, "default_source_id": None},
            ["default_status_id", "default_source_id"],
        ),
    ],
)
def test_a_tenant_knows_which_defaults_it_lacks(defaults: dict[str, object], missing: list[str]) -> None:
    assert _tenant(**defaults).missing_defaults() == missing  # type: ignore[arg-type]
