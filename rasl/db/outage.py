"""Tells an outage of the database once for the whole process, however many requests and loops meet it."""

from rasl import clock, log

_SILENT_SECONDS = 30.0  # a database that comes and goes is not told of at every turn
_logger = log.get_logger()


class Outage:
    """Whether the database is away, as the last one to ask it found."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._is_told = False
        self._told_at: float | None = None

    def met(self, error: BaseException) -> None:
        """Note that somebody did not reach the database; the first one tells."""
        if self._since is not None:
            return
        now = clock.monotonic()
        self._since = now
        self._is_told = self._told_at is None or now - self._told_at >= _SILENT_SECONDS
        if self._is_told:
            self._told_at = now
            _logger.warning("database_unavailable", reason=type(error).__name__)

    def over(self) -> None:
        """Note that somebody did reach it."""
        if self._since is None:
            return
        seconds, self._since = round(clock.monotonic() - self._since, 1), None
        if self._is_told:
            _logger.warning("database_available_again", after_seconds=seconds)
