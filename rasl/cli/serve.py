"""`rasl serve`."""

import os
import socket
import tempfile
from collections.abc import Callable
from typing import Annotated

import typer

from rasl import log
from rasl.app import create_app
from rasl.cli.holding import held
from rasl.cli.output import AsJson, show
from rasl.server import Limits, Server
from rasl.server.processes import Processes
from rasl.settings import Settings
from rasl.start import Prepared, StartError
from rasl.start.files import raise_file_limit
from rasl.start.listening import bound
from rasl.start.signals import ended_by_signal


def add_to(root: typer.Typer) -> None:
    """Register under the root."""
    root.command()(serve)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default RASL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default RASL_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer requests.")] = 1,
    listener: Annotated[int | None, typer.Option(hidden=True, help="An open socket to listen on.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run the API and Meta's webhook door until SIGTERM or Ctrl-C, then finish what is in flight."""
    settings = Settings.from_environment(host=host, port=port)
    log.configure(settings.log_format, settings.log_level)
    raise_file_limit(settings.max_connections)
    with ended_by_signal(), _listening(settings, listener) as opened, held(settings) as found:
        url = f"http://{settings.host}:{settings.port}"

        def announce() -> None:
            show(
                as_json,
                {
                    "url": url,
                    "api_url": f"{url}/api/v2",
                    "docs_url": f"{url}/docs",
                    "workers": workers,
                    "pid": os.getpid(),
                },
                f"API at {url}/api/v2, documentation at {url}/docs. Ctrl-C stops it.",
            )

        if workers > 1:
            _serve_in_processes(found, opened, workers, announce)
            return
        server = Server(
            lambda: create_app(found.settings, found.dsn),
            Limits.of(settings),
            settings.drain_seconds,
            announce,
            has_parent=listener is not None,
        )
        _run(server, opened)


def _listening(settings: Settings, inherited: int | None) -> socket.socket:
    """Return the parent's socket, or one of our own."""
    return bound(settings.host, settings.port) if inherited is None else socket.socket(fileno=inherited)


def _run(server: Server, listener: socket.socket) -> None:
    has_failed = False
    try:
        server.run(sockets=[listener])
    except SystemExit:  # uvicorn's word for an application that does not start
        has_failed = True
    if has_failed or not server.started:
        raise StartError("API_NOT_STARTED", "The API could not start: the log lines above say why.")


def _serve_in_processes(
    found: Prepared, listener: socket.socket, workers: int, announce: Callable[[], None]
) -> None:
    with tempfile.TemporaryDirectory(prefix="rasl-metrics-", ignore_cleanup_errors=True) as folder:
        # The children's metrics library reads it when it is imported; ours was imported without.
        environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": folder}
        Processes(found, listener, workers, environment).run(announce)
