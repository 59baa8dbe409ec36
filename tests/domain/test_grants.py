"""No token gives more than it has."""

import datetime as dt
from typing import Any

import msgspec
import pytest

from rasl.domain import grants
from rasl.domain.grants import Grant
from rasl.domain.networks import read_networks

NOW = dt.datetime(2026, 3, 4, 9, 0, tzinfo=dt.UTC)
LATER, LAST = NOW + dt.timedelta(days=1), NOW + dt.timedelta(days=2)
OFFICE = read_networks(("10.0.0.0/8",))
DESK, ELSEWHERE = read_networks(("10.1.0.0/16",)), read_networks(("11.0.0.0/8", "10.2.0.0/16"))
OWN = Grant(frozenset({"messages:send", "tokens:write"}), 60, LATER, OFFICE)


@pytest.mark.parametrize(
    ("more", "fields"),
    [
        ({}, set()),
        ({"scopes": frozenset({"messages:send"})}, set()),
        ({"scopes": frozenset({"messages:read", "messages:send"})}, {"scopes"}),
        ({"rate_limit_per_minute": 61}, {"rate_limit_per_minute"}),
        ({"rate_limit_per_minute": 1}, set()),
        ({"expires_at": None}, {"expires_at"}),
        ({"expires_at": LAST}, {"expires_at"}),
        ({"expires_at": NOW}, set()),
        ({"networks": ()}, {"allowed_cidrs"}),
        ({"networks": DESK}, set()),
        ({"networks": ELSEWHERE}, {"allowed_cidrs.0"}),
        ({"expires_at": None, "rate_limit_per_minute": 61}, {"expires_at", "rate_limit_per_minute"}),
    ],
)
def test_what_is_more_is_named_by_its_field(more: dict[str, Any], fields: set[str]) -> None:
    assert grants.excess(msgspec.structs.replace(OWN, **more), OWN).keys() == fields


def test_a_token_without_bounds_may_give_what_its_scopes_allow() -> None:
    free = Grant(OWN.scopes, 60)
    assert grants.excess(msgspec.structs.replace(OWN, networks=ELSEWHERE, expires_at=LAST), free) == {}


STRONG = Grant(frozenset({"messages:read"}), 600, LATER)


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({}, set()),
        ({"rate_limit_per_minute": 599}, set()),  # it takes something away
        ({"networks": DESK}, set()),
        ({"expires_at": NOW}, set()),
        ({"expires_at": LAST}, {"scopes", "rate_limit_per_minute", "expires_at", "allowed_cidrs"}),
        ({"rate_limit_per_minute": 601}, {"scopes", "rate_limit_per_minute", "allowed_cidrs"}),
    ],
)
def test_who_has_less_may_only_take_away(change: dict[str, Any], fields: set[str]) -> None:
    changed = msgspec.structs.replace(STRONG, **change)
    assert grants.excess_of_change(changed, STRONG, OWN).keys() == fields


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("tomorrow", "must be a moment"),
        ("0001-01-01T00:00:00+23:00", "must be a moment"),
        ("2026-03-04T09:00:00Z", "must be in the future"),
        ("2026-03-04T10:30:00+02:00", "must be in the future"),
        ("2020-01-01", "must be in the future"),
    ],
)
def test_an_end_is_a_moment_to_come(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        grants.read_end(text, NOW)


def test_an_end_without_a_zone_is_in_utc() -> None:
    assert grants.read_end("2026-03-04T09:00:01", NOW) == NOW + dt.timedelta(seconds=1)
    assert grants.read_end("2026-03-05", NOW) == dt.datetime(2026, 3, 5, tzinfo=dt.UTC)


def test_unknown_scopes_are_named_all_at_once() -> None:
    ((field, says),) = grants.known_scopes({"scopes": ["nope", "messages:send", "never", 5, "nope"]})
    assert field == "scopes"
    assert "nope, never; choose of messages:send" in says
    assert list(grants.known_scopes({"scopes": ["messages:send"]})) == []
