"""What PostgreSQL has said since a given moment: its progress while it starts, its reasons when it fails."""

import os
from pathlib import Path

from pgbox.place import Place

_NOISE = ("redirecting log output to logging collector", "Future log output will appear in directory")
_LONGEST_READ = 64 * 1024


class ServerLog:
    """Both logs, from where they ended when this object was made."""

    def __init__(self, place: Place) -> None:
        self._place = place
        # Every start empties the startup log.
        self._begins = {path: _size(path) for path in self._files() if path != place.startup_log}

    @property
    def path(self) -> Path:
        """The file to look into: the newest with anything in it."""
        written = [path for path in self._files() if _size(path) > 0]
        return max(written, key=lambda path: path.stat().st_mtime_ns, default=self._place.startup_log)

    def lines(self) -> list[str]:
        """Return the lines written since."""
        found: list[str] = []
        for path in self._files():
            found += _read_from(path, self._begins.get(path, 0)).splitlines()
        return [line.strip() for line in found if line.strip() and not any(noise in line for noise in _NOISE)]

    def ending(self, count: int = 12) -> str:
        """Return the last lines written since, as one text."""
        return "\n".join(self.lines()[-count:]) or "(it wrote nothing)"

    def _files(self) -> list[Path]:
        return [self._place.startup_log, *sorted(self._place.log_folder.glob("*.log"))]


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _read_from(path: Path, begin: int) -> str:
    try:
        # The server's account could plant a link or a pipe here, and we may be root.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, "rb") as file:
        size = os.fstat(descriptor).st_size
        # A file that was truncated since is new from its first byte.
        start = begin if begin <= size else 0
        file.seek(max(start, size - _LONGEST_READ))
        return file.read(_LONGEST_READ).decode(errors="replace")
