"""Networks from which a token may be used, and addresses in them: IPv4 and IPv6, each in one spelling."""

import functools
import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_EXAMPLES = "such as 203.0.113.0/24 or 2001:db8::/32"
_LONGEST = 100


def read_network(text: str) -> Network:
    """Read a network, or an address as the network of it alone; raises ValueError saying what is wrong."""
    address, slash, prefix = text.partition("/")
    if "%" in text:
        zone = text.partition("%")[2].partition("/")[0]
        raise ValueError(f"must not name a zone: %{zone[:_LONGEST]} means something on one machine only")
    try:
        start = ipaddress.ip_address(address)
    except ValueError:
        raise ValueError(f"must be an IPv4 or IPv6 network {_EXAMPLES}") from None
    if slash and not (prefix.isascii() and prefix.isdigit() and int(prefix[:4]) <= start.max_prefixlen):
        raise ValueError(
            f"must have a prefix of 0 to {start.max_prefixlen} bits after the slash, {_EXAMPLES}"
        )
    network = ipaddress.ip_network(text, strict=False)
    if isinstance(start, ipaddress.IPv6Address) and start.ipv4_mapped is not None:
        raise ValueError(f"must be written as IPv4: {start.ipv4_mapped}")
    if network.network_address != start:
        raise ValueError(f"must not have bits beyond its prefix: {network} is the network")
    return network


@functools.lru_cache(maxsize=4096)  # those of one token, again with every request
def read_networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    """Read networks that were checked when they were stored."""
    return tuple(map(ipaddress.ip_network, texts))


def read_address(text: str) -> Address | None:
    """Read the address of whoever calls, None when it is none; a zone is left out, IPv4 inside IPv6 taken out."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def holds(networks: Iterable[Network], address: Address | None) -> bool:
    """Tell whether an address is in one of these networks."""
    return address is not None and any(address in network for network in networks)


def outside(wanted: Sequence[Network], allowed: Sequence[Network]) -> list[int]:
    """Return the places of the networks that the allowed ones together do not hold whole."""
    fours = [*ipaddress.collapse_addresses(it for it in allowed if isinstance(it, ipaddress.IPv4Network))]
    sixes = [*ipaddress.collapse_addresses(it for it in allowed if isinstance(it, ipaddress.IPv6Network))]

    def is_held(network: Network) -> bool:
        if isinstance(network, ipaddress.IPv4Network):
            return any(network.subnet_of(other) for other in fours)
        return any(network.subnet_of(other) for other in sixes)

    return [place for place, network in enumerate(wanted) if not is_held(network)]


def written_as_networks(data: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refuse items of `allowed_cidrs` that are no networks: a rule of bodies."""
    given = data.get("allowed_cidrs")
    for place, text in enumerate(given if isinstance(given, list) else ()):
        if isinstance(text, str):
            try:
                read_network(text)
            except ValueError as error:
                yield f"allowed_cidrs.{place}", f"The allowed_cidrs.{place} field {error}"
