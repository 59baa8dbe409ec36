"""What people wrote, kept to be looked at."""

from typing import Any, NamedTuple


class Received(NamedTuple):
    """A message from a person to a number."""

    number_id: str
    user: str
    name: str
    at: float
    content: dict[str, Any]
