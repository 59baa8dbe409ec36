"""Shop platforms, one file each: how a shop proves that it is the shop, and what it tells, as values of ours.

A file holds what is peculiar to its platform and nothing else: the name a shop is connected under, how a delivery is
checked against the shop's secret, how its orders, customers and carts are read (whatever is odd in them), and what is
asked of its API. What then happens with an order is the same for all of them and stands in services.
"""

from types import ModuleType

PLATFORMS: tuple[ModuleType, ...] = ()
"""Every platform that a shop can be connected of; a new one is a file here and its name in this tuple."""
