"""What travels with one HTTP request: its id, the headers its answer gets, what it holds."""

import datetime as dt
import functools
import uuid
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import Counter, Histogram

from rasl import clock, log, metrics
from rasl.services.composing.draft import HeldKey

_KEY = "rasl.context"
_MOST_IGNORED = 100
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
        request_id = str(uuid.uuid4())
        context = Context(request_id, [(b"x-request-id", request_id.encode())], dict(scope["headers"]))
        scope[_KEY] = context  # type: ignore[literal-required]
        log.REQUEST_ID.set(request_id)
        begun = clock.monotonic()

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                context.status = message["status"]
                message["headers"] = [*message["headers"], *context.headers]
            await send(message)

        try:
            await app(scope, receive, send_with_headers)
        finally:
            _observe(scope, context.status, clock.monotonic() - begun)

    return contextual


def _observe(scope: HTTPScope, status: int, seconds: float) -> None:
    route = str(scope.get("path_template") or "unmatched")
    count, timing = _meters(route, status)
    count.inc()
    timing.observe(seconds)
    if log.is_debugging():
        _logger.debug("answered", method=scope["method"], route=route, status=status, seconds=seconds)


@functools.cache
def _meters(route: str, status: int) -> tuple[Counter, Histogram]:
    return metrics.REQUESTS.labels(route, status), metrics.REQUEST_SECONDS.labels(route)
