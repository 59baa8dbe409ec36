"""End what is left of an earlier server of the same cluster, before a new one starts."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pgbox.errors import PostgresError
from pgbox.lock import ServerRecord
from pgbox.place import Place
from pgbox.postmaster import Pause, Progress, read_pid_file

# The same patience that PostgreSQL has with its own children after a crash.
_QUIT_AFTER = 1.0
_KILL_AFTER = 6.0
_FOREIGN_AFTER = 5.0


def clear_predecessors(place: Place, record: ServerRecord | None, progress: Progress, pause: Pause) -> None:
    """Wait for our earlier server to end and see to it that it does; the caller holds the lock."""
    began = time.monotonic()
    signalled: set[tuple[int, signal.Signals]] = set()
    is_told = False
    while (leader := _recorded_pid(place)) is not None and (alive := _server_processes(place, leader)):
        waited = time.monotonic() - began
        if leader not in alive:
            _end_orphans(alive, waited, signalled)
        elif record is not None and record.postmaster_pid == leader:
            _signal_once({leader}, signal.SIGINT, signalled)
        elif waited > _FOREIGN_AFTER:
            raise PostgresError(
                f"Another PostgreSQL (process {leader}) runs on {place.cluster} and was not started by RASL: "
                "stop it first."
            )
        if not is_told and waited > 0.5:
            progress("waiting for the previous database server to end")
            is_told = True
        pause(0.02)
    if leader is not None and _exists(leader):
        # After a reboot or in a new container the number may be another program's: PostgreSQL would refuse.
        (place.cluster / "postmaster.pid").unlink(missing_ok=True)


def _end_orphans(alive: set[int], waited: float, signalled: set[tuple[int, signal.Signals]]) -> None:
    """End sessions whose server was killed: they leave by themselves, unless a long statement runs."""
    if waited > _KILL_AFTER:
        _signal_once(alive, signal.SIGKILL, signalled)
    elif waited > _QUIT_AFTER:
        _signal_once(alive, signal.SIGQUIT, signalled)


def _recorded_pid(place: Place) -> int | None:
    lines = read_pid_file(place.cluster)
    try:
        return abs(int(lines[0])) if lines else None
    except ValueError:
        return None


def _server_processes(place: Place, leader: int) -> set[int]:
    """Return the processes of PostgreSQL that work in the cluster."""
    if not Path("/proc/self/comm").exists():
        return {leader} if _exists(leader) and _is_postgres_elsewhere(leader) else set()
    return {
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdecimal() and int(entry.name) != os.getpid() and _works_in(entry, place.cluster)
    }


def _works_in(process: Path, cluster: Path) -> bool:
    try:
        if (process / "comm").read_text(encoding="utf-8", errors="replace").strip() != "postgres":
            return False
        return (process / "cwd").readlink() == cluster
    except PermissionError:
        # Root of a container without the right to trace; the leader at least names the folder it was given.
        return _names_folder(process, cluster)
    except OSError:
        return False


def _names_folder(process: Path, cluster: Path) -> bool:
    try:
        return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return False


def _is_postgres_elsewhere(pid: int) -> bool:
    """Ask ps, where there is no /proc."""
    if sys.platform == "win32":
        return False
    answer = subprocess.run(  # noqa: S603 - a fixed program with a number
        ["/bin/ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return answer.stdout.strip().endswith("postgres")


def _signal_once(pids: set[int], number: signal.Signals, signalled: set[tuple[int, signal.Signals]]) -> None:
    for pid in pids:
        if (pid, number) not in signalled:
            signalled.add((pid, number))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
