"""The address behind proxies: only those of the operator's are believed."""

from typing import Any

import pytest

from rasl.web.addresses import client_address, proxies_of

PROXIES = "10.0.0.0/8, 2001:db8::1"


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "found"),
    [
        ("203.0.113.7", [], "", "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "", "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], PROXIES, "203.0.113.7"),  # no proxy of ours
        ("10.0.0.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", [], PROXIES, "10.0.0.1"),
        ("10.0.0.1", ["1.2.3.4, 198.51.100.1"], PROXIES, "198.51.100.1"),  # the first is invented
        ("10.0.0.1", ["1.2.3.4", "198.51.100.1, 10.0.0.2"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", ["10.0.0.2,10.0.0.3"], PROXIES, "10.0.0.2"),
        ("2001:db8::1", ["2001:db8:9::9"], PROXIES, "2001:db8:9::9"),
        ("10.0.0.1", ["[2001:db8:9::9]:443"], PROXIES, "2001:db8:9::9"),
        ("10.0.0.1", ["198.51.100.1:4711"], PROXIES, "198.51.100.1"),
        ("::ffff:10.0.0.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.0.0.1", ["unknown"], PROXIES, None),
        ("10.0.0.1", ["198.51.100.1, unknown"], PROXIES, None),
        (None, ["198.51.100.1"], PROXIES, None),
    ],
)
def test_it_is_told_by_whom_the_operator_trusts(
    peer: str | None, forwarded: list[str], proxies: str, found: str | None
) -> None:
    headers = [(b"x-forwarded-for", value.encode()) for value in forwarded]
    scope: dict[str, Any] = {"client": (peer, 4711) if peer else None, "headers": headers}
    address = client_address(scope, proxies_of(proxies))
    assert (None if address is None else str(address)) == found
