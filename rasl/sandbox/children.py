"""A child process of the sandbox, and calls to it."""

import contextlib
import dataclasses
import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import IO, Any
from urllib.parse import urlsplit


@dataclasses.dataclass
class Child:
    """One process of ours."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    due_at: float = 0.0
    pause: float = 0.5

    def start(self) -> None:
        """Start it; it waits for `order`."""
        self.process = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "rasl", *self.arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=dict(self.environment),
            # Ctrl-C goes to the whole foreground group: who stops when is decided here.
            process_group=0,
        )
        self.started_at = time.monotonic()

    def order(self, line: bytes) -> None:
        """Tell it what to work with."""
        pipe = self._pipe()
        with contextlib.suppress(BrokenPipeError):
            pipe.write(line)
            pipe.flush()

    def exit_code(self) -> int | None:
        """Return how it ended, None while it runs."""
        return self.process.poll() if self.process is not None else None

    def stop(self, deadline: float) -> None:
        """Wait for its end after a signal, then insist."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        with contextlib.suppress(BrokenPipeError):
            self._pipe().close()

    def terminate(self) -> None:
        """Ask it to end."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def _pipe(self) -> IO[bytes]:
        if self.process is None or self.process.stdin is None:
            raise RuntimeError(f"{self.name} was not started")
        return self.process.stdin


def call(method: str, url: str, body: Any = None, token: str | None = None) -> tuple[int, dict[str, Any]]:
    """Make one HTTP call to a server of ours and return status and decoded answer."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    headers = {"content-type": "application/json"}
    if token is not None:
        headers["authorization"] = f"Bearer {token}"
    try:
        path = f"{parts.path}?{parts.query}" if parts.query else parts.path
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        text = response.read()
    finally:
        connection.close()
    try:
        answer = json.loads(text)
    except ValueError:
        answer = {}
    return response.status, answer if isinstance(answer, dict) else {}


def ending(code: int | None) -> str:
    """Say how a process ended."""
    if code is not None and code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
