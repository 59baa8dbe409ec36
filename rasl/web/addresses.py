"""From which address a request comes: the one at the other end, or what a proxy of the operator's says of it."""

import functools
from typing import Any

from rasl.domain import networks
from rasl.domain.networks import Address, Network
from rasl.setting_rules import listed

_HEADER = b"x-forwarded-for"


@functools.cache
def proxies_of(setting: str) -> tuple[Network, ...]:
    """Return the networks of the proxies that the setting names."""
    return networks.read_networks(tuple(listed(setting)))


def client_address(scope: Any, proxies: tuple[Network, ...]) -> Address | None:
    """Return the address of whoever asks, None where it is not known.

    `X-Forwarded-For` is read from its end, each hop being told by the one after it, as far as those who tell are
    trusted: whatever stands before may be anybody's invention.
    """
    client = scope.get("client")
    address = networks.read_address(client[0]) if client else None
    if not proxies:
        return address
    hops = b",".join(value for name, value in scope["headers"] if name == _HEADER).decode("latin-1")
    for hop in reversed(listed(hops)):
        if not networks.holds(proxies, address):
            break
        address = networks.read_address(_without_port(hop))
    return address


def _without_port(hop: str) -> str:
    """Leave out the port that some proxies add: `203.0.113.7:4711`, `[2001:db8::1]:4711`."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
