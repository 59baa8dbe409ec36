"""The simulator's own time: the wall clock plus whatever the control API has moved it ahead."""

import time


class Clock:
    """Tells what objects age by; media, uploads, templates and service windows live on it."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self) -> float:
        """Seconds since the epoch as the simulator sees them."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self.ahead += seconds
