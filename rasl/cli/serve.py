"""`rasl serve`."""

import os
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from uvicorn.supervisors import Multiprocess

from rasl import log
from rasl.app import create_app
from rasl.cli.holding import held
from rasl.cli.output import AsJson, show
from rasl.settings import Settings
from rasl.start import Prepared, StartError
from rasl.start.listening import bound
from rasl.start.metrics_port import metrics_port
from rasl.start.signals import ENDING, ended_by_signal

_START_SECONDS = 30
_GRACEFUL_SECONDS = 25
_KEEPALIVE_SECONDS = 75
_BACKLOG = 2048


def add_to(root: typer.Typer) -> None:
    """Register under the root."""
    root.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default RASL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default RASL_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer requests.")] = 1,
    as_json: AsJson = False,
) -> None:
    """Run the API and Meta's webhook door until SIGTERM or Ctrl-C, then finish what is in flight."""
    settings = Settings.from_environment(host=host, port=port)
    log.configure(settings.log_format, settings.log_level)
    with (
        ended_by_signal(),
        bound(settings.host, settings.port) as listener,
        metrics_port(settings, has_children=workers > 1) as metrics,
        held(settings) as found,
    ):
        metrics.serve(found, "server")
        url = f"http://{settings.host}:{settings.port}"

        def announce() -> None:
            show(
                as_json,
                {
                    "url": url,
                    "api_url": f"{url}/api/v2",
                    "docs_url": f"{url}/docs",
                    "metrics_url": metrics.url,
                    "workers": workers,
                    "pid": os.getpid(),
                },
                f"API at {url}/api/v2, documentation at {url}/docs, metrics at {metrics.url}. Ctrl-C stops it.",
            )

        if workers == 1:
            _serve_here(found, listener, announce)
        else:
            # The children's metrics library reads it when it is imported; ours was imported without.
            os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(metrics.folder)
            _serve_in_processes(found, listener, workers, announce)


def application() -> object:
    """Build the application in one of several processes; everything it needs is in the environment."""
    settings = Settings.from_environment()
    log.configure(settings.log_format, settings.log_level)
    return create_app(settings, settings.database_url)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, announce: Callable[[], None]) -> None:
        super().__init__(config)
        self._announce = announce

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._announce()


class _Servers(Multiprocess):
    def __init__(
        self, config: uvicorn.Config, sockets: list[socket.socket], announce: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._announce = announce

    def init_processes(self) -> None:
        super().init_processes()
        if self.processes[0].wait_until_ready(_START_SECONDS, self.should_exit):
            self._announce()


def _serve_here(found: Prepared, listener: socket.socket, announce: Callable[[], None]) -> None:
    server = _Server(_config(lambda: create_app(found.settings, found.dsn), 1), announce)

    def stop(_number: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # Uvicorn raises the signal that ended it once more: it must find a handler that does not kill us.
    for number in ENDING:
        signal.signal(number, stop)
    server.run(sockets=[listener])
    if not server.started:
        raise StartError("API_NOT_STARTED", "The API could not start: the log lines above say why.")


def _serve_in_processes(
    found: Prepared, listener: socket.socket, workers: int, announce: Callable[[], None]
) -> None:
    for name in ("RASL_DATABASE_URL_FILE", "RASL_SECRET_KEY_FILE", "RASL_HOST_FILE", "RASL_PORT_FILE"):
        os.environ.pop(name, None)
    os.environ["RASL_DATABASE_URL"] = found.dsn
    os.environ["RASL_SECRET_KEY"] = found.settings.secret_key
    os.environ["RASL_HOST"] = found.settings.host
    os.environ["RASL_PORT"] = str(found.settings.port)
    listener.set_inheritable(True)
    _Servers(_config("rasl.cli.serve:application", workers), [listener], announce).run()


def _config(app: object, workers: int) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type]  # a factory, in either form
        factory=True,
        workers=workers,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,  # nothing here depends on who is in front of us
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEPALIVE_SECONDS,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
