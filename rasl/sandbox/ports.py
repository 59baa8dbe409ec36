"""The ports of a sandbox: free ones, which no other sandbox takes between our look and our children's binding them."""

import contextlib
import fcntl
import os
import tempfile
from pathlib import Path

from rasl.start.errors import StartError
from rasl.start.listening import is_free

_MOST_PORTS = 100


class Ports:
    """Ports that are ours for as long as this process lives."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or Path(tempfile.gettempdir()) / f"rasl-sandbox-ports-{os.getuid()}"
        self._held: list[int] = []

    def take(self, host: str, first: int) -> int:
        """Return the first port from here on that is free and nobody's; raises StartError when there is none."""
        for port in range(first, min(first + _MOST_PORTS, 65536)):
            if self._holds(port) and is_free(host, port):
                return port
        raise StartError("PORT_IN_USE", f"No port from {first} on is free: set RASL_PORT to a free one.")

    def _holds(self, port: int) -> bool:
        """Keep the port's lock; where locks cannot be had, the port is taken as it is."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(self._folder / str(port), flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            self._held.append(descriptor)
        return True
