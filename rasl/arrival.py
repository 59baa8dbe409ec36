"""What the server and the application tell each other about a request while it is coming in.

The server does not know callers, the application does not know connections. So the server puts an Arrival into the
scope of each request, and the application says on it whose request it is as soon as it has found out.
"""

from collections.abc import Mapping
from typing import Any, Protocol

KEY = "rasl.arrival"


class Arrival(Protocol):
    """A request that a server of ours takes in."""

    @property
    def is_draining(self) -> bool:
        """Whether the server was told to end and takes requests only until others take them."""

    def known(self) -> None:
        """Say that the caller may be trusted with memory and time."""

    def count_for(self, share: str) -> None:
        """Say for whom a stranger's request claims to be, so that it takes no other's share of the memory."""


class _Elsewhere:
    """The request came through a server of somebody else, which has limits of its own."""

    is_draining = False

    def known(self) -> None:
        pass

    def count_for(self, share: str) -> None:
        pass


_ELSEWHERE = _Elsewhere()


def arrival_of(scope: Mapping[str, Any]) -> Arrival:
    """Return how the request of an ASGI scope comes in."""
    arrival: Arrival = scope.get(KEY, _ELSEWHERE)
    return arrival
