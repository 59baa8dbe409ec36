"""The running sandbox: who starts when, what is told when all of it answers, and how it ends.

The database belongs to this process; API, worker and simulator are children that import while it starts, are
started again when they crash, and cannot outlive it (rasl.start.supervised).
"""

import contextlib
import dataclasses
import fcntl
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rasl.sandbox import files
from rasl.sandbox.calls import call
from rasl.sandbox.demo import ACME, Demo, Kept, furnish
from rasl.sandbox.introducing import introduce
from rasl.sandbox.ports import Ports
from rasl.sandbox.room import check_room
from rasl.sandbox.samples import Doors, SamplesError, tell
from rasl.settings import Settings
from rasl.start.children import Child
from rasl.start.database import Prepared, make_data_folder, prepared
from rasl.start.errors import StartError
from rasl.start.listening import bound
from rasl.start.metrics_port import FIRST_PORT
from rasl.start.sandbox_file import sandbox_file
from rasl.start.signals import ENDING, ended_by_signal, ignore
from rasl.start.supervised import MARK, order_of

_START_SECONDS = 60.0
_STOP_SECONDS = 6.0
_ROUND_SECONDS = 0.25
_METRICS_PORT = "RASL_METRICS_PORT"
_ADMIN_PORT = "RASL_ADMIN_PORT"

Say = Callable[[str], None]
Show = Callable[[Mapping[str, Any]], None]


def as_running(settings: Settings, environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings with the addresses of the sandbox that runs on this data folder, where they are not set."""
    env = os.environ if environment is None else environment
    kept = files.read(sandbox_file(settings))
    if not kept or not settings.is_embedded:
        return settings
    found: dict[str, Any] = {}
    if not _is_set(env, "RASL_GRAPH_BASE_URL"):
        found["graph_base_url"] = kept["simulator_url"]
    if not _is_set(env, "RASL_PUBLIC_URL") and not _is_set(env, "RASL_PORT"):
        found["public_url"] = kept["base_url"].removesuffix("/api/v2")
    if not _is_set(env, _ADMIN_PORT):
        found["admin_port"] = settings.port  # beside the API
    return dataclasses.replace(settings, **found)


def run(settings: Settings, say: Say, show: Show) -> None:
    """Run a sandbox until a signal ends it; `show` is called when everything answers."""
    with _alone(settings.data_dir), ended_by_signal():
        check_room(settings)
        _Sandbox(settings, say).run(show)


class _Sandbox:
    """The running whole."""

    def __init__(self, settings: Settings, say: Say) -> None:
        self._say = say
        self._ports = Ports()
        free_port = self._ports.take
        self.settings = _with_free_port(settings, say, free_port)
        host = _reachable_host(self.settings.host)
        simulator_port = free_port(host, self.settings.port + 1)
        self.api_url = f"http://{_bracketed(host)}:{self.settings.port}"
        self.simulator_url = f"http://{_bracketed(host)}:{simulator_port}"
        environment = _child_environment(self.settings, self.simulator_url)
        first = free_port(self.settings.metrics_host, self.settings.metrics_port or FIRST_PORT)
        second = free_port(self.settings.metrics_host, first + 1)
        self._metrics_ports = (first, second)
        self.api = Child("API", ("serve",), environment | {_METRICS_PORT: str(first)})
        self.worker = Child("worker", ("worker",), environment | {_METRICS_PORT: str(second)})
        media_port = free_port(host, simulator_port + 1)
        ports = ("--port", str(simulator_port), "--media-port", str(media_port))
        self.simulator = Child("simulator", ("simulator", "--host", host, *ports), environment)
        self._children = (self.api, self.simulator, self.worker)
        self._order = b""
        self._demo: Demo | None = None
        self._samples: Mapping[str, Any] | None = None
        self._path = sandbox_file(self.settings)
        self._last_path = self._path.with_name("sandbox.last.json")

    def run(self, show: Show) -> None:
        """Start everything, call `show` when all of it answers, keep it up until a signal ends it."""
        kept = self._recall()
        self._say("Starting database, API, worker and simulator ...")
        try:
            # The worker comes last: on a small machine its imports would delay the first answer.
            self.api.start()
            self.simulator.start()
            with prepared(self.settings, self._say, is_lasting=True) as found:
                try:
                    self._open(found, kept)
                    show(self._publish())
                    self._keep_up()
                finally:
                    ignore()
                    self._stop()
        finally:
            ignore()
            self._stop()

    def _recall(self) -> Kept:
        """Take the tokens of the last time; the file itself means that everything answers, so it goes."""
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(self._last_path)
        return Kept.read(files.read(self._last_path) or {})

    def _open(self, found: Prepared, kept: Kept) -> None:
        self._demo = furnish(found, kept)
        self._order = order_of(found)
        self.api.order(self._order)
        self._await(self.simulator, self.simulator_url, "/_control/health")
        self._await(self.api, self.api_url, "/readyz")
        # Before the worker asks Meta for templates, which would be none.
        self._introduce()
        self.worker.start()
        self.worker.order(self._order)
        self._samples = self._bring_samples(kept)

    def _await(self, child: Child, url: str, path: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            is_there = False
            with contextlib.suppress(OSError):
                is_there = call("GET", f"{url}{path}")[0] == 200
            # What answers when ours has ended is somebody else's.
            if is_there and child.exit_code() is None:
                return
            if child.exit_code() is not None or time.monotonic() > deadline:
                raise StartError(
                    "SANDBOX_NOT_STARTED", f"The {child.name} did not start: the lines above say why."
                )
            time.sleep(0.02)

    def _introduce(self) -> None:
        if self._demo is not None:
            introduce(self._demo, self.api_url, self.simulator_url)

    def _bring_samples(self, kept: Kept) -> Mapping[str, Any] | None:
        """Bring the samples into the demo account once; what is deleted of them later stays deleted."""
        if kept.samples is not None or self._demo is None:
            return kept.samples
        doors = Doors(
            f"{self.api_url}/api/v2",
            self._demo.tokens["token"],
            f"{self.simulator_url}/_control",
            ACME.phone_number_id,
            ACME.waba_id,
        )
        try:
            return tell(doors)
        except SamplesError as error:
            self._say(f"warning: the demo data are not complete: {error}. The next start goes on with them.")
            return None

    def _publish(self) -> dict[str, Any]:
        if self._demo is None:
            raise RuntimeError("nothing is furnished yet")
        value = {
            "base_url": f"{self.api_url}/api/v2",
            "docs_url": f"{self.api_url}/docs",
            "simulator_url": self.simulator_url,
            "control_url": f"{self.simulator_url}/_control",
            **{
                name: f"http://{_bracketed(_reachable_host(self.settings.metrics_host))}:{port}/metrics"
                for name, port in zip(("metrics_url", "worker_metrics_url"), self._metrics_ports, strict=True)
            },
            **self._demo.published(self.api_url),
            **({} if self._samples is None else {"demo": dict(self._samples)}),
            "pid": os.getpid(),
        }
        files.write(self._path, value)
        self._last_path.unlink(missing_ok=True)
        return value

    def _keep_up(self) -> None:
        """Start again what crashes, until a signal comes."""
        ended = threading.Event()
        for number in ENDING:
            signal.signal(number, lambda _number, _frame: ended.set())
        needs_introduction = False
        while not ended.wait(_ROUND_SECONDS):
            for child in self._children:
                if child.exit_code() is not None:
                    needs_introduction |= self._revive(child) and child is self.simulator
            if needs_introduction:
                with contextlib.suppress(OSError, StartError):
                    self._introduce()
                    needs_introduction = False

    def _revive(self, child: Child) -> bool:
        if child.is_newly_ended():
            self._say(f"The {child.name} ended ({child.ending()}); it is started again.")
        if not child.is_restarted():
            return False
        if child is not self.simulator:
            child.order(self._order)
        return True

    def _stop(self) -> None:
        """First those who call, then those who are called."""
        with contextlib.suppress(FileNotFoundError):
            self._path.replace(self._last_path)
        deadline = time.monotonic() + _STOP_SECONDS
        for group in ((self.api, self.worker), (self.simulator,)):
            for child in group:
                child.tell(signal.SIGTERM)
            for child in group:
                child.stop(deadline)


@contextlib.contextmanager
def _alone(data_dir: Path) -> Iterator[None]:
    """Hold the data folder's sandbox for ourselves."""
    make_data_folder(data_dir)
    descriptor = os.open(data_dir / "sandbox.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(
                "SANDBOX_RUNS",
                f"A sandbox runs on {data_dir.absolute()} already: use it, or set RASL_DATA_DIR for another one.",
            ) from None
        yield
    finally:
        os.close(descriptor)


def _child_environment(settings: Settings, simulator_url: str) -> dict[str, str]:
    environment = dict(os.environ)
    ours = {
        "RASL_HOST": settings.host,
        "RASL_PORT": str(settings.port),
        "RASL_DATA_DIR": str(settings.data_dir.absolute()),
        "RASL_GRAPH_BASE_URL": simulator_url,
        "RASL_SANDBOX_FILE": str(sandbox_file(settings).absolute()),
        MARK: "1",
        "RASL_DRAIN_SECONDS": "0",
    }
    for name in (*ours, _METRICS_PORT):
        environment.pop(f"{name}_FILE", None)
    if not _is_set(environment, _ADMIN_PORT):
        ours[_ADMIN_PORT] = str(settings.port)
    if not _is_set(environment, "RASL_LOG_LEVEL"):
        ours["RASL_LOG_LEVEL"] = "warning"
    if not _is_set(environment, "RASL_WEBHOOK_ALLOW_CIDRS"):
        # Whoever tries webhooks has a receiver, or an n8n, on this machine.
        ours["RASL_WEBHOOK_ALLOW_CIDRS"] = "127.0.0.0/8,::1"
    return environment | ours


def _with_free_port(settings: Settings, say: Say, free_port: Callable[[str, int], int]) -> Settings:
    if _is_set(os.environ, "RASL_PORT"):
        bound(settings.host, settings.port).close()
        return settings
    port = free_port(settings.host, settings.port)
    if port != settings.port:
        say(f"Port {settings.port} is in use, taking {port}.")
    return dataclasses.replace(settings, port=port)


def _reachable_host(host: str) -> str:
    """Return where something listening on this address is reached from this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(host, host)  # noqa: S104 - compared, not bound


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _is_set(environment: Mapping[str, str], name: str) -> bool:
    return bool(environment.get(name, "").strip() or environment.get(f"{name}_FILE", "").strip())
