"""`rasl serve`."""

import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated

import typer

from rasl import log
from rasl.app import create_app
from rasl.cli.output import AsJson, progress, show
from rasl.server import Limits, Server
from rasl.server.processes import Processes
from rasl.settings import Settings
from rasl.start.database import Prepared
from rasl.start.errors import StartError
from rasl.start.files import raise_file_limit
from rasl.start.listening import admin_url, bound
from rasl.start.metrics_port import MetricsPort, metrics_port
from rasl.start.signals import ended_by_signal
from rasl.start.supervised import held


def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default RASL_HOST.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; default RASL_PORT.")] = None,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that answer requests.")] = 1,
    listener: Annotated[
        list[int] | None, typer.Option(hidden=True, help="Open sockets to listen on.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the API and Meta's webhook door until SIGTERM or Ctrl-C, then finish what is in flight."""
    settings = Settings.from_environment(host=host, port=port)
    log.configure(settings.log_format, settings.log_level)
    raise_file_limit(settings.max_connections)
    with (
        ended_by_signal(),
        _listening(settings, listener) as sockets,
        _metrics_shown(settings, workers, listener) as metrics,
        held(settings, progress) as found,
    ):
        if metrics is not None:
            metrics.serve(found, "server")
        url = f"http://{settings.host}:{settings.port}"

        def announce() -> None:
            admin = _admin_url(settings, url)
            show(
                as_json,
                {
                    "url": url,
                    "api_url": f"{url}/api/v2",
                    "docs_url": f"{url}/docs",
                    "admin_url": admin,
                    "metrics_url": metrics.url if metrics else None,
                    "workers": workers,
                    "pid": os.getpid(),
                },
                f"API at {url}/api/v2, documentation at {url}/docs{_where(admin, metrics)}. Ctrl-C stops it.",
            )

        if workers > 1:
            _serve_in_processes(found, sockets, workers, metrics, announce)
            return
        server = Server(
            lambda: create_app(found.settings, found.dsn),
            Limits.of(settings),
            settings.drain_seconds,
            announce,
            has_parent=bool(listener),
        )
        _run(server, sockets)


@contextlib.contextmanager
def _listening(settings: Settings, inherited: Sequence[int] | None) -> Iterator[list[socket.socket]]:
    """Have the parent's sockets, or our own: that of the API, and that of operators where they have one."""
    with contextlib.ExitStack() as stack:
        if inherited:
            yield [stack.enter_context(socket.socket(fileno=number)) for number in inherited]
            return
        sockets = [stack.enter_context(bound(settings.host, settings.port))]
        if settings.has_own_admin_port:
            opened = bound(settings.admin_host, settings.admin_port, "RASL_ADMIN_PORT")
            sockets.append(stack.enter_context(opened))
        yield sockets


def _admin_url(settings: Settings, url: str) -> str | None:
    if not settings.admin_port:
        return None
    return f"{admin_url(settings) if settings.has_own_admin_port else url}/api/admin/v1"


def _metrics_shown(
    settings: Settings, workers: int, inherited: Sequence[int] | None
) -> contextlib.AbstractContextManager[MetricsPort | None]:
    """Have the port of metrics, unless a parent shows them for all its children."""
    if inherited:
        return contextlib.nullcontext()
    return metrics_port(settings, has_children=workers > 1)


def _where(admin: str | None, metrics: MetricsPort | None) -> str:
    operators = "" if admin is None else f", operator API at {admin}"
    return operators + ("" if metrics is None else f", metrics at {metrics.url}")


def _run(server: Server, sockets: list[socket.socket]) -> None:
    has_failed = False
    try:
        server.run(sockets=sockets)
    except SystemExit:  # uvicorn's word for an application that does not start
        has_failed = True
    if has_failed or not server.started:
        raise StartError("API_NOT_STARTED", "The API could not start: the log lines above say why.")


def _serve_in_processes(
    found: Prepared,
    sockets: Sequence[socket.socket],
    workers: int,
    metrics: MetricsPort | None,
    announce: Callable[[], None],
) -> None:
    # The children's metrics library reads it when it is imported; ours was imported without.
    counted = {} if metrics is None else {"PROMETHEUS_MULTIPROC_DIR": str(metrics.folder)}
    Processes(found, sockets, workers, {**os.environ, **counted}).run(announce)
