import datetime as dt

import pytest

from rasl.domain import phone
from rasl.domain.otp_budgets import (
    BUDGET_NAMES,
    Budgets,
    Destination,
    Key,
    destination,
    ends_at,
    find_overdraft,
    keys,
    starts_at,
)
from rasl.domain.phone import Phone

TO = Destination(phone="447946120001", country="GB", prefix="+447946")


@pytest.mark.parametrize(
    ("text", "country", "prefix"),
    [
        ("+447946120001", "GB", "+447946"),
        ("+16505551234", "US", "+16505"),
        ("+4915112345678", "DE", "+491511"),
        ("+996555123456", "KG", "+9965551"),
        ("+15550101234", "US", "+15550"),
    ],
)
def test_a_destination_is_country_and_first_digits_of_the_national_number(
    text: str, country: str, prefix: str
) -> None:
    understood = phone.understand(text)
    assert isinstance(understood, Phone)
    found = destination(understood, 4)
    assert (found.phone, found.country, found.prefix) == (understood.match_key, country, prefix)


def test_a_send_counts_on_every_budget_the_narrowest_first() -> None:
    counted = keys(7, TO)
    assert [f"{key.scope}_per_{key.period}" for key in counted] == list(BUDGET_NAMES)
    assert {key.tenant_id for key in counted} == {7}


@pytest.mark.parametrize("name", BUDGET_NAMES)
def test_a_budget_is_used_up_at_its_number(name: str) -> None:
    budgets = Budgets(**dict.fromkeys(BUDGET_NAMES, 0)).with_changes({name: 3})
    counted = keys(7, TO)
    sent = dict.fromkeys(counted, 2)
    assert find_overdraft(budgets, counted, sent) is None
    found = find_overdraft(budgets, counted, dict.fromkeys(counted, 3))
    assert found is not None
    assert found.reason == name.replace("_per_", "_budget_per_")
    assert "3 codes" in found.sentence


def test_zero_is_no_limit() -> None:
    counted = keys(7, TO)
    unlimited = Budgets(**dict.fromkeys(BUDGET_NAMES, 0))
    assert find_overdraft(unlimited, counted, dict.fromkeys(counted, 10**9)) is None


def test_the_first_budget_of_several_is_named() -> None:
    counted = keys(7, TO)
    found = find_overdraft(Budgets(), counted, dict.fromkeys(counted, 10**9))
    assert found is not None
    assert found.key == Key(7, "phone", TO.phone, "hour")


def test_a_tenant_changes_what_it_names_and_what_is_unknown_changes_nothing() -> None:
    changed = Budgets().with_changes({"prefix_per_hour": 7, "of_a_later_version": 1})
    assert changed == Budgets(prefix_per_hour=7)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ("hour", "2026-03-04T23:00:00+00:00", "2026-03-05T00:00:00+00:00"),
        ("day", "2026-03-04T00:00:00+00:00", "2026-03-05T00:00:00+00:00"),
    ],
)
def test_hours_and_days_are_those_of_utc(period: str, start: str, end: str) -> None:
    moment = dt.datetime(2026, 3, 5, 1, 15, tzinfo=dt.timezone(dt.timedelta(hours=2)))
    assert starts_at(period, moment).isoformat() == start
    assert ends_at(period, moment).isoformat() == end
