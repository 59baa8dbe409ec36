import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rasl.domain.addresses import is_numeric, is_public


@pytest.mark.parametrize(
    ("address", "is_fine"),
    [
        ("8.8.8.8", True),
        ("1.1.1.1", True),
        ("0.0.0.0", False),  # noqa: S104 - refused
        ("0.1.2.3", False),
        ("9.255.255.255", True),
        ("10.0.0.0", False),
        ("10.255.255.255", False),
        ("11.0.0.0", True),
        ("100.63.255.254", True),
        ("100.64.0.1", False),
        ("100.127.255.255", False),
        ("100.128.0.1", True),
        ("127.0.0.1", False),
        ("127.255.255.255", False),
        ("168.63.129.16", False),
        ("169.254.169.254", False),
        ("172.15.255.255", True),
        ("172.16.0.1", False),
        ("172.31.255.255", False),
        ("172.32.0.1", True),
        ("192.0.0.192", False),
        ("192.0.2.1", False),
        ("192.168.1.1", False),
        ("198.18.0.1", False),
        ("198.51.100.1", False),
        ("203.0.113.1", False),
        ("224.0.0.1", False),
        ("239.255.255.255", False),
        ("240.0.0.1", False),
        ("255.255.255.255", False),
        ("::", False),
        ("::1", False),
        ("2606:4700:4700::1111", True),
        ("fd00:ec2::254", False),
        ("fc00::1", False),
        ("fe80::1", False),
        ("fe80::1%1", False),
        ("fec0::1", False),
        ("ff02::1", False),
        ("2001:db8::1", False),
        ("2001::1", False),
        ("3fff::1", False),
        ("100::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:8.8.8.8", True),
        ("::127.0.0.1", False),
        ("2002:7f00:1::", False),
        ("2002:a9fe:a9fe::", False),
        ("2002:808:808::", True),
        ("64:ff9b::169.254.169.254", False),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b:1::8.8.8.8", False),
        ("4000::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_only_the_public_internet_may_be_called(address: str, is_fine: bool) -> None:
    assert is_public(address) is is_fine


@given(st.ip_addresses(v=4))
def test_a_private_address_stays_private_in_every_spelling(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    spellings = [
        f"::ffff:{address}",
        str(ipaddress.IPv6Address((0x2002 << 112) | number << 80)),
        f"64:ff9b::{address}",
        f"::{address}",
    ]
    if not is_public(str(address)):
        assert not any(map(is_public, spellings))


@given(
    st.sampled_from(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "127.0.0.0/8", "169.254.0.0/16"]),
    st.data(),
)
def test_no_address_of_a_private_network_is_public(network: str, data: st.DataObject) -> None:
    assert not is_public(str(data.draw(st.ip_addresses(network=network))))


def test_what_looks_like_an_address_is_none_unless_it_is_one() -> None:
    pretending = ("127.1", "2130706433", "017700000001", "127.0.0.1.", "::1", "①②⑦.⓪.⓪.①")
    assert all(map(is_numeric, (*pretending, "127.0.0.1", "8.8.8.8")))
    assert not any(map(is_public, pretending))
    assert not any(map(is_numeric, ("localhost", "0x7f000001", "example.test")))
