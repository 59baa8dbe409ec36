"""Starts and ends the processes of a benchmark, and reads what CPU each of them used."""

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import msgspec

from bench.load import Order, Outcome
from bench.servers import HOST, Plan
from pgbox import EmbeddedPostgres

ROOT = Path(__file__).resolve().parent.parent
_START_SECONDS = 20.0
_END_SECONDS = 6.0
_QUIET_SECONDS = 15.0
_MOST_LOG = 1 << 20
_TICKS = os.sysconf("SC_CLK_TCK")
_STATEMENTS = "shared_preload_libraries = 'pg_stat_statements'\npg_stat_statements.track_planning = on\n"


class BenchError(Exception):
    """The benchmark cannot go on; the message says why."""


class Running:
    """A started process of ours."""

    def __init__(self, arguments: list[str], first_line: bytes) -> None:
        self.name = " ".join(arguments)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
        self.process = subprocess.Popen(  # noqa: S603 - our own modules
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            start_new_session=True,  # Ctrl-C is for us, who then end them in order
        )
        self.write(first_line)

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    def write(self, line: bytes) -> None:
        """Give the process a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def read(self) -> bytes:
        """Return the next line the process says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline().strip()
        if not line:
            raise BenchError(f"{self.name} ended early: {self.last_words()}")
        return line

    def last_words(self) -> str:
        """Return the end of what the process logged."""
        return "\n".join(self._logged().splitlines()[-8:])

    def count_errors(self) -> int:
        """Return how many errors and warnings the process logged."""
        return sum("[error " in line or "[warning " in line for line in self._logged().splitlines())

    def _logged(self) -> str:
        size = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), min(size, _MOST_LOG), 0).decode(errors="replace")

    def end(self) -> None:
        """End the process, by force if it does not want to."""
        if self.process.stdin is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
        try:
            self.process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def server(kind: str, plan: Plan) -> Iterator[Running]:
    """Run one of `bench.servers` inside the block; those with a port answer before the block begins."""
    running = Running(["bench.servers", kind], msgspec.json.encode(plan))
    try:
        if plan.port:
            _wait_for(running, plan.port)
        yield running
    finally:
        running.end()


def _wait_for(running: Running, port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if running.process.poll() is not None:
            raise BenchError(f"{running.name} ended: {running.last_words()}")
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.05)
    raise BenchError(f"{running.name} does not listen on {port}")


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def control(port: int, name: str, body: Mapping[str, Any]) -> None:
    """Tell the simulator something."""
    call(port, f"/_control/{name}", body)


def call(port: int, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
    """Post JSON to a server; raises BenchError unless it answers 200."""
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        given = {"Content-Type": "application/json", **(headers or {})}
        connection.request("POST", path, msgspec.json.encode(body), given)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise BenchError(f"{path} was refused: {text.decode()}")
    finally:
        connection.close()


class Postgres:
    """A durable embedded server in a temporary folder, inside the `with` block."""

    def __init__(self, *, has_statements: bool) -> None:
        self._has_statements = has_statements
        self._folder = tempfile.mkdtemp(prefix="rasl-bench-")
        self.dsn = ""

    def __enter__(self) -> Self:
        if os.geteuid() == 0:
            Path(self._folder).chmod(0o711)
        self._server = EmbeddedPostgres(Path(self._folder) / "data", durable=True)
        try:
            self.dsn = self._server.ensure_running()
            if self._has_statements:
                (self._server.home / "local.conf").write_text(_STATEMENTS)
                self._server.release()
                self.dsn = self._server.ensure_running()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        home = None
        with contextlib.suppress(Exception):
            home = self._server.home
        self._server.release()
        for folder in (home, self._folder):
            if folder is not None:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def pid(self) -> int:
        """The postmaster."""
        pid = self._server.postmaster_pid
        if pid is None:
            raise BenchError("PostgreSQL is gone")
        return pid


class Cpu:
    """CPU seconds of process trees, by name."""

    def __init__(self, roots: Mapping[str, int]) -> None:
        self._roots = dict(roots)
        self._before: dict[str, float] = {}

    def begin(self) -> None:
        """Start counting."""
        self._before = self._now()

    def used(self) -> dict[str, float]:
        """Return the seconds used since; `machine` is everything that ran on it."""
        return {name: value - self._before[name] for name, value in self._now().items()}

    def _now(self) -> dict[str, float]:
        usage, parents = _usage()
        trees = {name: _of_tree(root, usage, parents) for name, root in self._roots.items()}
        return {**trees, "machine": _of_machine()}


def wait_until_quiet(pid: int) -> None:
    """Wait until a process has worked off what it was given, at most some seconds."""
    deadline = time.monotonic() + _QUIET_SECONDS
    cpu = Cpu({"app": pid})
    while time.monotonic() < deadline:
        cpu.begin()
        time.sleep(0.5)
        if cpu.used()["app"] < 0.05:
            return


def _of_machine() -> float:
    """Return the seconds all cores were not idle, those the hypervisor took included."""
    ticks = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / _TICKS


def _usage() -> tuple[dict[int, float], dict[int, int]]:
    """Return seconds (with those of ended children) and parent of every process."""
    usage, parents = {}, {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            parents[int(entry.name)] = int(fields[1])
            usage[int(entry.name)] = sum(int(ticks) for ticks in fields[11:15]) / _TICKS
    return usage, parents


def _of_tree(root: int, usage: Mapping[int, float], parents: Mapping[int, int]) -> float:
    total = 0.0
    for pid, seconds in usage.items():
        above = pid
        while above not in {root, 0} and above in parents:
            above = parents[above]
        if above == root:
            total += seconds
    return total


class Measured(msgspec.Struct, frozen=True):
    """Outcomes of generators that ran together, and what CPU seconds each process used meanwhile."""

    outcomes: list[Outcome]
    cpu: dict[str, float]


def measure(orders: list[Order], roots: Mapping[str, int]) -> Measured:
    """Run one generator for each order, all at once; the first one's measured time counts for the CPU."""
    generators: list[Running] = []
    try:
        for order in orders:
            generators.append(Running(["bench.load"], msgspec.json.encode(order)))  # noqa: PERF401 - end what began
        for generator in generators:
            _expect(generator, b"ready")
        for generator in generators:
            generator.write(b"go")
        cpu = Cpu(roots)
        _expect(generators[0], b"begin")
        cpu.begin()
        _expect(generators[0], b"end")
        used = cpu.used()
        for generator in generators[1:]:
            _expect(generator, b"begin")
            _expect(generator, b"end")
        outcomes = [msgspec.json.decode(generator.read(), type=Outcome) for generator in generators]
    finally:
        for generator in generators:
            generator.end()
    used["load"] = sum(outcome.cpu_seconds for outcome in outcomes)
    used["others"] = max(0.0, 2 * used["machine"] - sum(used.values()))
    del used["machine"]
    return Measured(outcomes, used)


def _expect(generator: Running, line: bytes) -> None:
    said = generator.read()
    if said != line:
        raise BenchError(f"the load generator said {said!r} instead of {line!r}")
