"""`rasl worker`."""

import asyncio
import os

import uvloop

from rasl import log
from rasl.app import run_worker
from rasl.cli.output import AsJson, progress, show
from rasl.settings import Settings
from rasl.start.database import Prepared
from rasl.start.metrics_port import metrics_port
from rasl.start.signals import ENDING, ended_by_signal
from rasl.start.supervised import held


def run(as_json: AsJson = False) -> None:
    """Run the worker until SIGTERM or Ctrl-C, then finish what is in flight."""
    settings = Settings.from_environment()
    log.configure(settings.log_format, settings.log_level)
    with ended_by_signal(), metrics_port(settings) as metrics, held(settings, progress) as found:
        metrics.serve(found, "worker")
        value = {"pid": os.getpid(), "metrics_url": metrics.url}
        show(as_json, value, f"The worker runs, metrics at {metrics.url}. Ctrl-C stops it.")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(found))


async def _work(found: Prepared) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, stop.set)
    await run_worker(found.settings, found.dsn, stop)
