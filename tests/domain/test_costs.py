"""What Meta says of the price of a message, in all the ways it says it."""

import datetime as dt
import random
from typing import Any

import pytest

from rasl.domain.costs import Pricing, country_of, day_of, pricing_told, read_pricing


@pytest.mark.parametrize(
    ("told", "read"),
    [
        ({"billable": True, "type": "regular", "category": "marketing"}, Pricing("marketing", "regular", True)),
        ({"type": "regular", "category": "utility"}, Pricing("utility", "regular", True)),
        ({"billable": True, "pricing_model": "CBP", "category": "service"}, Pricing("service", "regular", True)),
        ({"type": "free_entry_point", "category": "service"}, Pricing("service", "free_entry_point", False)),
        # The type decides: Meta is about to drop `billable`.
        ({"billable": True, "type": "free_customer_service", "category": "utility"},
         Pricing("utility", "free_customer_service", False)),
        ({"billable": False, "type": "regular", "category": "marketing"}, Pricing("marketing", "regular", True)),
        ({"billable": False, "type": "on_the_house", "category": "utility"}, Pricing("utility", "on_the_house", False)),
        ({"billable": False, "category": "utility"}, Pricing("utility", "unknown", False)),
        ({"billable": True}, Pricing("unknown", "regular", True)),
        ({"category": "authentication-international"}, Pricing("authentication_international", "regular", True)),
        ({"category": " Marketing "}, Pricing("marketing", "regular", True)),
        ({"category": "a\x00b", "type": "x" * 65, "billable": True}, Pricing("unknown", "regular", True)),
        ({"category": 7, "type": []}, None),
        ({"pricing_model": "PMP"}, None),
        ({}, None),
        (None, None),
        ("regular", None),
    ],
)  # fmt: skip
def test_pricing_is_read_whatever_it_looks_like(told: Any, read: Pricing | None) -> None:
    assert read_pricing(told) == read


def test_the_report_that_is_furthest_on_counts_in_any_order() -> None:
    told = [
        ("sent", "wamid.1", {"category": "marketing"}),
        ("delivered", "wamid.1", {"category": "utility"}),
        ("read", "wamid.1", {}),
        ("warning", "wamid.1", {"category": "service"}),
    ]
    for _ in range(10):
        random.Random(3).shuffle(told)
        assert pricing_told(told) == Pricing("utility", "regular", True)
    assert pricing_told([]) is None


@pytest.mark.parametrize(
    ("peer", "country"),
    [
        ("442079460011", "GB"),
        ("16505551234", "US"),
        ("14165550123", "CA"),
        ("18765550123", "JM"),
        ("5511987654321", "BR"),
        ("77010000000", "KZ"),
        ("79161234567", "RU"),
        ("447781000000", "GG"),
        ("US.1349120865530274", "US"),
        ("DE.ENT.1349", "DE"),
        ("999", ""),
        ("", ""),
        ("somebody", ""),
    ],
)
def test_the_country_is_that_of_the_calling_code(peer: str, country: str) -> None:
    assert country_of(peer) == country


def test_a_day_begins_at_midnight_of_the_time_zone() -> None:
    moment = dt.datetime(2026, 10, 31, 23, 30, tzinfo=dt.UTC)
    days = {zone: day_of(moment, zone).isoformat() for zone in ("UTC", "Europe/Berlin", "America/New_York")}
    assert days == {"UTC": "2026-10-31", "Europe/Berlin": "2026-11-01", "America/New_York": "2026-10-31"}
