"""What one process takes from its clients."""

import dataclasses
from typing import Self

from rasl.settings import Settings


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, counts and seconds; the settings decide some, the others are what any honest client stays far below."""

    request_seconds: float = 30.0
    stranger_bytes: int = 32 * 1024 * 1024
    connections: int = 4096
    head_bytes: int = 64 * 1024
    headers: int = 100
    path_bytes: int = 8 * 1024
    queued_requests: int = 16  # sent before the answer to the one before them has come
    idle_seconds: float = 75.0
    bytes_a_second: int = 16 * 1024  # of a known caller's body; slower than any line that a file is sent over
    overhead_bytes: int = 64 * 1024  # of a chunked body: lengths, extensions, trailers

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the limits that the settings ask for."""
        return cls(settings.request_seconds, settings.stranger_bytes, settings.max_connections)
