"""Several processes behind one port: the parent owns the sockets, starts, revives and ends them, and serves nothing.

Each child is `rasl serve` on the sockets that it inherits, and cannot outlive its parent (rasl.start.supervised).
"""

import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from types import FrameType

from rasl import log
from rasl.start.children import Child
from rasl.start.database import Prepared
from rasl.start.errors import StartError
from rasl.start.signals import ENDING
from rasl.start.supervised import MARK, order_of

_START_SECONDS = 60.0
_ROUND_SECONDS = 0.2
# What a child needs to end when it was told twice, or more than its own graceful end takes when told once.
_INSIST_SECONDS = 3.0
_END_SECONDS = 35.0
_logger = log.get_logger()


class Processes:
    """The children of one server."""

    def __init__(
        self,
        found: Prepared,
        sockets: Sequence[socket.socket],
        count: int,
        environment: Mapping[str, str],
    ) -> None:
        settings = found.settings
        self._sockets = sockets
        numbers = []
        for opened in sockets:
            opened.set_inheritable(True)
            numbers.append(opened.fileno())
        self._drain_seconds = settings.drain_seconds
        self._order = order_of(found)
        arguments = ("serve", "--host", settings.host, "--port", str(settings.port), "--json")
        inherited = (part for number in numbers for part in ("--listener", str(number)))
        order = (*arguments, *inherited)
        self._children = [
            Child(
                "API",
                order,
                {**environment, MARK: "1"},
                passes=tuple(numbers),
                has_output=True,
            )
            for _ in range(count)
        ]
        self._told: list[int] = []
        self._woken = threading.Event()

    def run(self, announce: Callable[[], None]) -> None:
        """Start all of them, call `announce` when all of them serve, and keep them up until a signal ends them."""
        for number in ENDING:
            signal.signal(number, self._take)
        try:
            for child in self._children:
                self._start(child)
            self._await_all()
            if not self._told:
                announce()
            while not self._told:
                self._keep_up()
                self._woken.wait(_ROUND_SECONDS)
            self._end()
        finally:
            for child in self._children:
                child.stop(0)

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self._told.append(number)
        self._woken.set()

    def _start(self, child: Child) -> None:
        child.start()
        child.order(self._order)

    def _await_all(self) -> None:
        """Wait until each has said that it serves; raises StartError when one cannot."""
        deadline = time.monotonic() + _START_SECONDS
        for child in self._children:
            while not self._told and not child.has_spoken(_ROUND_SECONDS):
                if child.exit_code() is not None or time.monotonic() > deadline:
                    raise StartError(
                        "API_NOT_STARTED", "The API could not start: the log lines above say why."
                    )

    def _keep_up(self) -> None:
        """Replace each that ended; the others do not notice."""
        for child in self._children:
            if child.is_newly_ended():
                _logger.error("process_ended", pid=child.pid, how=child.ending())
            if child.is_restarted():
                child.order(self._order)
                _logger.warning("process_replaced", pid=child.pid)

    def _end(self) -> None:
        """Hand on each signal, the second of which ends the children at once, and wait for them."""
        # Nobody but the children may keep a socket open: what came in after their end would wait for nobody.
        for opened in self._sockets:
            opened.close()
        handed_on = 0
        deadline = time.monotonic() + self._drain_seconds + _END_SECONDS
        while any(child.exit_code() is None for child in self._children):
            for number in self._told[handed_on:]:
                handed_on += 1
                if handed_on > 1:
                    deadline = time.monotonic() + _INSIST_SECONDS
                for child in self._children:
                    child.tell(number if handed_on == 1 else signal.SIGINT)
            if time.monotonic() > deadline:
                return
            self._woken.clear()
            if len(self._told) == handed_on:
                self._woken.wait(_ROUND_SECONDS / 4)
