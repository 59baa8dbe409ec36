"""A child process of ours: started, told what to work with, started again when it ends, and made to end."""

import contextlib
import dataclasses
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping

_STABLE_SECONDS = 10.0
_LONGEST_PAUSE = 10.0


@dataclasses.dataclass
class Child:
    """One process of ours, which inherits the open files in `passes`."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    passes: tuple[int, ...] = ()
    has_output: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause: float = 0.5

    def start(self) -> None:
        """Start it; it waits for `order`."""
        self.close()
        self.process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "rasl", *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if self.has_output else subprocess.DEVNULL,
            env=dict(self.environment),
            pass_fds=self.passes,
            # Ctrl-C goes to the whole foreground group: who stops when is decided here.
            process_group=0,
        )
        self.started_at = time.monotonic()

    def order(self, line: bytes) -> None:
        """Tell it what to work with."""
        if self.process is None or self.process.stdin is None:
            raise RuntimeError(f"{self.name} was not started")
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(line)
            self.process.stdin.flush()

    @property
    def pid(self) -> int | None:
        """Its process id, once it was started."""
        return self.process.pid if self.process is not None else None

    def has_spoken(self, seconds: float) -> bool:
        """Wait that long for it to write to its standard output."""
        if self.process is None or self.process.stdout is None:
            raise RuntimeError(f"{self.name} has no output to wait for")
        return bool(select.select([self.process.stdout], [], [], seconds)[0]) and bool(
            self.process.stdout.peek(1)  # type: ignore[attr-defined]  # a pipe that ended has nothing to show
        )

    def exit_code(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self.process.poll() if self.process is not None else None

    def ending(self) -> str:
        """Say how it ended."""
        code = self.exit_code()
        if code is not None and code < 0:
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"

    def is_newly_ended(self) -> bool:
        """Tell once that it ended, and settle when it is started again: at once if it lasted, else ever later."""
        if self.due_at or self.exit_code() is None:
            return False
        now = time.monotonic()
        has_lasted = now - self.started_at > _STABLE_SECONDS
        self.pause = 0.0 if has_lasted else min(_LONGEST_PAUSE, self.pause * 2 or 0.5)
        self.due_at = now + self.pause
        return True

    def is_restarted(self) -> bool:
        """Start it again if it ended and its time has come; it waits for `order`."""
        if not self.due_at or time.monotonic() < self.due_at:
            return False
        self.due_at = 0.0
        self.start()
        return True

    def stop(self, deadline: float) -> None:
        """Wait for its end after a signal, then insist."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.close()

    def tell(self, number: int) -> None:
        """Send it a signal, if it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def close(self) -> None:
        """Close our ends of its pipes; one that still runs takes that for our end."""
        if self.process is None:
            return
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
