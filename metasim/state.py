"""Everything one simulator remembers, and the few things that touch several parts of it."""

import time
from collections import deque

from metasim.clock import Clock
from metasim.config import SimulatorConfig, Window
from metasim.courier import Courier
from metasim.faults import FaultBook
from metasim.ids import Mint
from metasim.journal import Journal
from metasim.limits import Limits
from metasim.magic import MagicBook
from metasim.payloads import Update
from metasim.received import Received
from metasim.statuses import (
    OutboundMessage,
    plain_steps,
    status_contact,
    status_object,
    voice_steps,
)
from metasim.store import Number, Registry
from metasim.timers import Timers

KEPT_MESSAGES = 200_000
KEPT_RECEIVED = 20_000
SERVICE_WINDOW = 86_400.0


class State:
    """One simulated Meta."""

    def __init__(self, config: SimulatorConfig) -> None:
        self.initial = config
        self.started_at = time.time()
        self.registry = Registry()
        self.media_port: int | None = None
        self._begin(config)

    def _begin(self, config: SimulatorConfig) -> None:
        self.apply(config)
        self.mint = Mint(config.seed)
        self.journal = Journal(config.request_ring, config.delivery_ring)
        self.clock = Clock()
        self.timers = Timers()
        # What is due in hours has a heap of its own: nobody waits for it, and "idle" does not count it.
        self.calendar = Timers()
        self.courier = Courier(lambda: self.config, self.timers, self.journal)
        self.faults = FaultBook(self.mint.random)
        self.limits = Limits()
        self.magic = MagicBook()
        self.messages: dict[str, OutboundMessage] = {}
        self.received: deque[Received] = deque(maxlen=KEPT_RECEIVED)
        self.names: dict[str, str] = {}
        self.windows: dict[tuple[str, str], float] = {}

    def apply(self, config: SimulatorConfig) -> None:
        """Put settings in force."""
        self.config = config
        self.plain_steps = plain_steps(config)
        self.voice_steps = voice_steps(config)

    async def reset(self, *, keep_numbers: bool) -> None:
        """Forget everything and start over with the settings of the start."""
        await self.close()
        if not keep_numbers:
            self.registry.close()
            self.registry = Registry()
        self._begin(self.initial)

    async def close(self) -> None:
        """Stop everything that is under way."""
        self.timers.clear()
        self.calendar.clear()
        await self.courier.close()

    def window_of(self, number: Number) -> Window:
        """How strictly the service window is kept for a number."""
        return number.window or self.config.window

    def is_window_open(self, number: Number, user: str) -> bool:
        """Whether the user wrote to this number within the last 24 hours."""
        return self.clock.now() - self.windows.get((number.id, user), 0.0) < SERVICE_WINDOW

    def advance(self, seconds: float) -> None:
        """Let time pass at once, for objects and for everything that is due."""
        self.clock.advance(seconds)
        self.timers.advance(seconds)
        self.calendar.advance(seconds)

    def launch(self, message: OutboundMessage) -> None:
        """Remember an accepted message and start its ladder."""
        messages = self.messages
        if len(messages) >= KEPT_MESSAGES:
            del messages[next(iter(messages))]
        messages[message.wamid] = message
        if message.steps and self.registry.callback_for(message.number.waba, message.number, "messages"):
            self.timers.after(message.steps[0].due, self._climb, message)

    def _climb(self, message: OutboundMessage) -> None:
        steps = message.steps
        step = steps[message.index]
        number = message.number
        callback = self.registry.callback_for(number.waba, number, "messages")
        if callback is not None:
            has_contact = step.status != "failed" or self.config.failed_contacts
            contact = status_contact(message, self.config) if has_contact else None
            status = status_object(message, step, self.config)
            self.courier.enqueue(callback, Update(number, "statuses", status, contact))
        message.index += 1
        if message.index < len(steps):
            self.timers.after(max(0.0, steps[message.index].due - step.due), self._climb, message)
