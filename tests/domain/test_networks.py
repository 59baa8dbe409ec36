"""Networks and addresses, as tables."""

import pytest

from rasl.domain import networks
from rasl.domain.networks import holds, outside, read_address, read_network, read_networks


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("203.0.113.7", "203.0.113.7/32"),
        ("203.0.113.0/24", "203.0.113.0/24"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:DB8:0::/32", "2001:db8::/32"),
        ("2001:db8::1", "2001:db8::1/128"),
    ],
)
def test_a_network_has_one_spelling(text: str, written: str) -> None:
    assert str(read_network(text)) == written


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("fe80::1%eth0", "must not name a zone: %eth0"),
        ("fe80::1%1/64", "must not name a zone: %1"),
        ("10.0.0.5/8", "10.0.0.0/8 is the network"),
        ("2001:db8::1/32", "2001:db8::/32 is the network"),
        ("10.0.0.0/33", "prefix of 0 to 32 bits"),
        ("2001:db8::/129", "prefix of 0 to 128 bits"),
        ("10.0.0.0/-1", "prefix of 0 to 32 bits"),
        ("10.0.0.0/", "prefix of 0 to 32 bits"),
        ("10.0.0.0/255.0.0.0", "prefix of 0 to 32 bits"),
        ("10.0.0.0/" + "9" * 5000, "prefix of 0 to 32 bits"),
        ("::ffff:10.0.0.1", "must be written as IPv4: 10.0.0.1"),
        ("010.0.0.1", "must be an IPv4 or IPv6 network"),
        ("10.0.0", "must be an IPv4 or IPv6 network"),
        ("example.com", "must be an IPv4 or IPv6 network"),
        ("", "must be an IPv4 or IPv6 network"),
    ],
)
def test_what_is_no_network_is_told_why(text: str, says: str) -> None:
    with pytest.raises(ValueError, match="must") as told:
        read_network(text)
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("address", "is_held"),
    [
        ("203.0.113.9", True),
        ("203.0.114.9", False),
        ("::ffff:203.0.113.9", True),  # IPv4 on a socket that takes both
        ("2001:db8::9", True),
        ("fe80::1%eth0", True),
        ("2001:db9::9", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_an_address_is_in_a_network_or_not(address: str, is_held: bool) -> None:
    allowed = read_networks(("203.0.113.0/24", "2001:db8::/32", "fe80::/10"))
    assert holds(allowed, read_address(address)) is is_held


@pytest.mark.parametrize(
    ("wanted", "allowed", "places"),
    [
        (["10.0.0.0/24"], ["10.0.0.0/8"], []),
        (["10.0.0.0/8"], ["10.0.0.0/24"], [0]),
        (["10.0.0.0/24"], ["10.0.0.0/25", "10.0.0.128/25"], []),  # together they hold it
        (["10.0.0.0/24", "::/0", "11.0.0.1"], ["10.0.0.0/8", "2001:db8::/32"], [1, 2]),
    ],
)
def test_networks_outside_of_others_are_named(
    wanted: list[str], allowed: list[str], places: list[int]
) -> None:
    assert outside(list(map(read_network, wanted)), list(map(read_network, allowed))) == places


def test_every_wrong_item_of_a_body_is_named() -> None:
    given = {"allowed_cidrs": ["10.0.0.0/8", "nonsense", 5, "fe80::1%eth0"]}
    assert [path for path, _ in networks.written_as_networks(given)] == ["allowed_cidrs.1", "allowed_cidrs.3"]
    assert list(networks.written_as_networks({"allowed_cidrs": "10.0.0.0/8"})) == []
