"""Run one PostgreSQL server as a child that never outlives us."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pgbox.binaries import Binaries
from pgbox.cluster import server_environment
from pgbox.errors import StartFailedError
from pgbox.place import Place
from pgbox.server_log import ServerLog

Progress = Callable[[str], None]
Pause = Callable[[float], None]

_FAST_SHUTDOWN_SECONDS = 60
_IMMEDIATE_SHUTDOWN_SECONDS = 10
_SILENT_SECONDS = 1.0
# What a start says while processes of a killed server are still around.
_TRANSIENT = ("lock file", "pre-existing shared memory block", "could not create any Unix-domain sockets")
_TRANSIENT_SECONDS = 60


class Postmaster:
    """One server process, born of and waited for by a thread of its own.

    The kernel's signal at the parent's death is really one at the death of the parent *thread*: a request
    thread or a thread pool must not be that parent, so the thread that starts the server stays until its end.
    """

    def __init__(self, command: list[str], output: int) -> None:
        self._command = command
        self._output = output
        self._process: subprocess.Popen[bytes] | None = None
        self._failure: Exception | None = None
        self._started = threading.Event()
        self._ended = threading.Event()
        self._on_loss: Callable[[], None] | None = None
        threading.Thread(target=self._live, name="rasl-postgres", daemon=True).start()
        self._started.wait()
        if self._failure is not None:
            raise self._failure

    @property
    def pid(self) -> int:
        """The number of the server process."""
        return 0 if self._process is None else self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the server process still runs."""
        return not self._ended.is_set()

    def call_on_loss(self, callback: Callable[[], None]) -> None:
        """Have the callback called, from another thread, when the server ends without having been stopped."""
        self._on_loss = callback
        if self._ended.is_set():
            callback()

    def stop(self) -> None:
        """Shut down fast: sessions are cut, everything is written. Returns when the process has ended."""
        self._on_loss = None
        for how, seconds in (
            (signal.SIGINT, _FAST_SHUTDOWN_SECONDS),
            (signal.SIGQUIT, _IMMEDIATE_SHUTDOWN_SECONDS),
            (signal.SIGKILL, None),
        ):
            self._signal(how)
            if self._ended.wait(seconds):
                return

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def _live(self) -> None:
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the binaries were chosen by find_binaries
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._output,
                cwd="/",
                env=server_environment(),
                # Ctrl-C goes to the whole foreground group: the database must outlast the application.
                start_new_session=True,
            )
        except Exception as error:  # noqa: BLE001 - raised again in the thread that waits for the start
            self._failure = error
            self._ended.set()
            self._started.set()
            return
        self._started.set()
        self._process.wait()
        self._ended.set()
        if self._on_loss is not None:
            self._on_loss()


def start_postmaster(
    place: Place,
    binaries: Binaries,
    socket_folder: Path,
    announce: Callable[[int], None],
    progress: Progress,
    pause: Pause,
) -> Postmaster:
    """Start the server and wait until it takes connections, however long its recovery lasts."""
    deadline = time.monotonic() + _TRANSIENT_SECONDS
    is_first = True
    while True:
        log = ServerLog(place)
        postmaster = _launch(place, binaries, socket_folder)
        try:
            announce(postmaster.pid)
            if _wait_until_ready(place, postmaster, log, progress, pause):
                return postmaster
        except BaseException:
            postmaster.stop()
            raise
        ending = log.ending()
        if time.monotonic() > deadline or not any(text in ending for text in _TRANSIENT):
            raise StartFailedError(
                f"PostgreSQL did not start. Its last words:\n{ending}\nThe whole log: {log.path}"
            )
        if is_first:
            progress("waiting for processes of the previous database server to end")
            is_first = False
        pause(0.2)


def _launch(place: Place, binaries: Binaries, socket_folder: Path) -> Postmaster:
    settings = {
        "config_file": place.home / "rasl.conf",
        "hba_file": place.home / "hba.conf",
        "log_directory": place.log_folder,
        "unix_socket_directories": socket_folder,
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    command = place.account.command(signal.SIGINT, binaries.postgres, "-D", place.cluster, *options)
    output = place.open("startup.log", os.O_WRONLY | os.O_TRUNC | os.O_APPEND)
    try:
        return Postmaster(command, output)
    finally:
        os.close(output)


def _wait_until_ready(
    place: Place, postmaster: Postmaster, log: ServerLog, progress: Progress, pause: Pause
) -> bool:
    """Return False when the server ended instead."""
    began = reported = time.monotonic()
    last_said = ""
    while postmaster.is_alive:
        if _is_ready(place.cluster, postmaster.pid):
            return True
        now = time.monotonic()
        if now - reported >= _SILENT_SECONDS:
            reported = now
            last_line = (log.lines() or ["waiting for the database to start"])[-1]
            if last_line != last_said:
                progress(last_line)
                last_said = last_line
        pause(0.003 if now - began < 1 else 0.05)
    return False


def _is_ready(cluster: Path, pid: int) -> bool:
    lines = read_pid_file(cluster)
    return len(lines) >= 8 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def read_pid_file(cluster: Path) -> list[str]:
    """Return the lines of postmaster.pid, none if there is no such file."""
    try:
        descriptor = os.open(
            cluster / "postmaster.pid", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        )
    except FileNotFoundError:
        return []
    with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
        return file.read(4096).splitlines()
