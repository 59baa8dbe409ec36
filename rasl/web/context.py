"""What travels with one HTTP request: its id, the headers its answer gets, what it holds."""

import datetime as dt
import functools
import re
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from rasl import clock, log, metrics
from rasl.services.composing.draft import HeldKey
from rasl.web import compression

_KEY = "rasl.context"
_MOST_IGNORED = 100
_UNFIT = re.compile(r"[^!-~]")  # in a name of a client's that is logged
_LONGEST_NAME = 128
_KEPT = frozenset({b"cache-control", b"etag"})
_NOT_STORED = (b"cache-control", b"no-store")
_logger = log.get_logger()


class Ignored(msgspec.Struct, frozen=True, omit_defaults=True):
    """A name in a request that means nothing here, and the one that was perhaps meant."""

    field: str
    did_you_mean: str | None = None


class Context(msgspec.Struct):
    """One request of ours."""

    request_id: str  # a UUID, as everything writes it
    headers: list[tuple[bytes, bytes]]  # of the answer
    asked: dict[bytes, bytes]  # headers of the request, by lower-case name
    held_key: HeldKey | None = None
    is_stored: bool = False  # something was committed: an Idempotency-Key must keep the answer
    status: int = 0
    kept: bytes | None = None  # what an Idempotency-Key keeps of an answer that shows something once
    client_request_id: str | None = None  # what the client calls it, as far as it is fit to be logged
    ignored: list[Ignored] = []  # names of the request that mean nothing, as `meta.ignored` tells them

    @property
    def is_strict(self) -> bool:
        """Tell whether names that mean nothing are to be refused: `Prefer: handling=strict` (RFC 7240)."""
        return b"handling=strict" in self.asked.get(b"prefer", b"").lower().replace(b" ", b"")

    def ignore(self, field: str, did_you_mean: str | None = None) -> None:
        """Tell the caller that a name means nothing; of very many only the first are told."""
        if len(self.ignored) < _MOST_IGNORED:
            self.ignored.append(Ignored(field[:200], did_you_mean))

    def ignore_all(self, fields: Iterable[str]) -> None:
        """Tell the caller of several fields that they mean nothing here."""
        for field in fields:
            self.ignore(field)


def context_of(scope: Any) -> Context:
    """Return the context of an ASGI scope."""
    context: Context = scope[_KEY]
    return context


def timestamp() -> str:
    """Return the moment of an answer, as every answer carries it."""
    return iso(clock.now()) or ""


def iso(moment: dt.datetime | None) -> str | None:
    """Write a moment as the contract does: ISO 8601 in UTC, to the second."""
    if moment is None:
        return None
    return (moment if moment.tzinfo is dt.UTC else moment.astimezone(dt.UTC)).isoformat(timespec="seconds")


def with_context(app: ASGIApp) -> ASGIApp:
    """Wrap the whole application, unknown routes included: id, headers, metrics, log context."""

    async def contextual(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        context = _begun(scope)
        begun = clock.monotonic()
        takes_gzip = compression.takes_gzip(context.asked.get(b"accept-encoding"))
        waiting: Any = None  # the head of an answer whose body is to be compressed

        async def send_finished(message: Any) -> None:
            nonlocal waiting
            if message["type"] == "http.response.start":
                context.status = message["status"]
                size = _finish(message, context.headers)
                if (
                    takes_gzip
                    and size >= compression.LEAST_BYTES
                    and compression.is_worth_it(message["headers"])
                ):
                    waiting = message
                    return
            elif waiting is not None:
                head, waiting = waiting, None
                if not message.get("more_body"):
                    head["headers"], message["body"] = compression.compressed(
                        head["headers"], message.get("body", b"")
                    )
                await send(head)
            await send(message)

        try:
            await app(scope, receive, send_finished)
        finally:
            _observe(scope, context, clock.monotonic() - begun)

    return contextual


def _begun(scope: Any) -> Context:
    """Begin a request: it gets its context, and all that is logged from now on tells whose it is."""
    request_id = str(uuid.uuid4())
    headers = [(b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]
    context = Context(request_id, headers, dict(scope["headers"]))
    scope[_KEY] = context
    log.REQUEST_ID.set(request_id)
    if scope["query_string"]:
        log.QUERY.set(scope["query_string"])
    if named := context.asked.get(b"x-request-id"):
        context.client_request_id = _UNFIT.sub("", named.decode("latin-1"))[:_LONGEST_NAME] or None
        log.CLIENT_REQUEST_ID.set(context.client_request_id)
    return context


def _finish(message: Any, added: list[tuple[bytes, bytes]]) -> int:
    """Give an answer the headers that all have, and keep caches away unless it says otherwise; returns its size.

    A file that says which version it is (an ETag) may be kept: those of the documentation are part of the program.
    """
    given = message["headers"]
    size, is_kept = 0, False
    for name, value in given:
        if name == b"content-length":
            size = int(value)
        elif name in _KEPT:
            is_kept = True
    message["headers"] = [*given, *added] if is_kept else [*given, *added, _NOT_STORED]
    return size


def _observe(scope: Any, context: Context, seconds: float) -> None:
    route = str(scope.get("path_template") or "unmatched")
    count, timing = _meters(route, context.status)
    count.inc()
    timing.observe(seconds)
    if context.client_request_id is not None or log.is_debugging():
        # Who names a request wants to find it again.
        tell = _logger.debug if context.client_request_id is None else _logger.info
        tell("answered", method=scope["method"], route=route, status=context.status, seconds=seconds)


@functools.cache
def _meters(route: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.REQUESTS.labels(route, status), metrics.REQUEST_SECONDS.labels(route)
