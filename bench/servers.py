"""The processes under test: `python -m bench.servers KIND`, with a Plan as the first line of standard input.

Each ends when its standard input does, so that none outlives the benchmark. BENCH_PROFILE=folder samples the main
thread every millisecond of CPU time and writes what it saw there.
"""

import asyncio
import gc
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from bench.profiling import Sampler
from bench.world import SECRET_KEY, World
from bench.yardstick import Yardstick
from metasim.config import SimulatorConfig
from metasim.server import run as run_simulator
from rasl import app, log
from rasl.graph.client import GraphClient
from rasl.server import Limits, Server
from rasl.settings import Settings
from rasl.start.listening import bound

HOST = "127.0.0.1"
_GRAPH_CONNECTIONS = 1000


class Plan(msgspec.Struct, frozen=True):
    """What a process serves, and where; the simulator needs the port only."""

    port: int
    dsn: str = ""
    graph_url: str = ""
    world: World | None = None


def _settings(plan: Plan) -> Settings:
    return Settings(
        secret_key=SECRET_KEY, graph_base_url=plan.graph_url, host=HOST, port=plan.port, log_level="warning"
    )


def _serve(build: Callable[[], Any], port: int) -> None:
    """Run one API process the way it is run in earnest."""
    with bound(HOST, port) as listener:
        Server(build, Limits()).run(sockets=[listener])


def _run(main: Any) -> None:
    import uvloop  # noqa: PLC0415 - the simulator brings its own loop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


def _serve_rasl(plan: Plan) -> None:
    _serve(lambda: app.create_app(_settings(plan), plan.dsn), plan.port)


def _serve_yardstick(plan: Plan) -> None:
    settings, world = _settings(plan), plan.world
    assert world is not None

    def build() -> Yardstick:
        # As the app does for itself.
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        graph = GraphClient(
            plan.graph_url, settings.graph_version, settings.graph_timeout_seconds, _GRAPH_CONNECTIONS
        )
        return Yardstick(plan.dsn, settings.pool_size, graph, world)

    _serve(build, plan.port)


def _serve_simulator(plan: Plan) -> None:
    config = SimulatorConfig(
        sent_delay=None,
        delivered_delay=None,
        read_delay=None,
        window="off",
        enforce_throughput=False,
        rewrite_wa_id=False,
    )
    run_simulator(HOST, plan.port, config)


def _work(plan: Plan) -> None:
    async def work() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await app.run_worker(_settings(plan), plan.dsn, stop)

    _run(work())


_KINDS = {"rasl": _serve_rasl, "yardstick": _serve_yardstick, "simulator": _serve_simulator, "worker": _work}


def _end_with_parent() -> None:
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(3)
    os._exit(1)


def main() -> None:
    """Serve until the benchmark is over."""
    plan = msgspec.json.decode(sys.stdin.readline(), type=Plan)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    log.configure("console", "warning")
    # uvicorn gives the signal on after its own graceful end: leave by the front door all the same.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    kind = sys.argv[1]
    folder = os.environ.get("BENCH_PROFILE")
    if folder is None:
        _KINDS[kind](plan)
        return
    with Sampler(Path(folder) / f"{kind}.txt"):
        _KINDS[kind](plan)


if __name__ == "__main__":
    main()
