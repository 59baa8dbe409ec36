"""The port of operators: the metrics of one server or worker, beside what everybody may call.

It is served by a thread, so that it answers while the event loop is busy, and by one process for all of a server's.
"""

import contextlib
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import make_wsgi_app

from rasl.services.operators.exposition import registry_of
from rasl.settings import Settings
from rasl.start.database import Prepared
from rasl.start.errors import StartError
from rasl.start.listening import failure

FIRST_PORT = 9464
_MOST_PORTS = 1000
_REQUEST_SECONDS = 10
PATH = "/metrics"


class MetricsPort:
    """A port that is ours; nobody is answered before `serve`."""

    def __init__(self, server: "_Server", host: str, folder: Path | None) -> None:
        self._server = server
        self.folder = folder
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{server.server_port}{PATH}"

    def serve(self, found: Prepared, role: str) -> None:
        """Answer from now on, until the port is closed."""
        self._server.set_app(
            _only_metrics(make_wsgi_app(registry_of(found.settings, found.dsn, role, self.folder)))
        )
        threading.Thread(target=self._server.serve_forever, name="rasl-metrics", daemon=True).start()


@contextlib.contextmanager
def metrics_port(settings: Settings, *, has_children: bool = False) -> Iterator[MetricsPort]:
    """Have the port inside the block; raises StartError when it cannot be had.

    With children, `folder` of the port is the PROMETHEUS_MULTIPROC_DIR in which they have to count.
    """
    with contextlib.ExitStack() as stack:
        folder = None
        if has_children:
            folder = Path(
                stack.enter_context(
                    tempfile.TemporaryDirectory(prefix="rasl-metrics-", ignore_cleanup_errors=True)
                )
            )
        server = _bound(settings)
        stack.callback(server.server_close)
        port = MetricsPort(server, settings.metrics_host, folder)
        try:
            yield port
        finally:
            if server.get_app() is not None:
                server.shutdown()


def _bound(settings: Settings) -> "_Server":
    host = settings.metrics_host
    last = settings.metrics_port or FIRST_PORT + _MOST_PORTS
    for port in range(settings.metrics_port or FIRST_PORT, last + 1):
        try:
            return _Server(host, port)
        except (OSError, OverflowError) as error:
            problem = failure(host, port, "RASL_METRICS_PORT", error)
            if port == last or problem.code != "PORT_IN_USE":
                raise problem from None
    raise StartError(
        "PORT_IN_USE", f"No port from {FIRST_PORT} on is free: set RASL_METRICS_PORT to a free one."
    )


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A server of few requests, each in a thread."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 32

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.application = None
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without asking the name service what the address is called, which may take long."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def _stay_quiet(self, request: Any, client_address: Any) -> None:
        """Say nothing of a reader that hung up."""

    handle_error = _stay_quiet


class _Handler(WSGIRequestHandler):
    """Writes no line for each request, and waits for nobody for ever."""

    timeout = _REQUEST_SECONDS

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


def _only_metrics(metrics: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == PATH:
            return metrics(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"Metrics are at {PATH}.\n".encode()]

    return answer
