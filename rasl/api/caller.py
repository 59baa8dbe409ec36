"""From token to caller, with the scope as a type in the route's signature.

    async def list_messages(caller: MayReadMessages, ...): ...

A route of the API without such a parameter does not start; one for every token says so with AnyCaller.
"""

import math
import typing
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from litestar import Router
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl import clock, metrics
from rasl.arrival import arrival_of
from rasl.domain.gcra import Bucket
from rasl.domain.tenants import Caller
from rasl.errors import InsufficientScope, RateLimitExceeded, Unauthorized
from rasl.services.ground.callers import Callers
from rasl.services.ground.limits import Limits, Verdict
from rasl.web.context import context_of

_KEY = "rasl.caller"
_OPTION = "requires"


class Requires(msgspec.Struct, frozen=True):
    """The scope a route asks for, None when any valid token will do."""

    scope: str | None


MaySendMessages = Annotated[Caller, Requires("messages:send")]
MayReadMessages = Annotated[Caller, Requires("messages:read")]
MayReadTemplates = Annotated[Caller, Requires("templates:read")]
MayReadContacts = Annotated[Caller, Requires("contacts:read")]
MayWriteContacts = Annotated[Caller, Requires("contacts:write")]
MayDeleteContacts = Annotated[Caller, Requires("contacts:delete")]
AnyCaller = Annotated[Caller, Requires(None)]


def has_caller(scope: Scope) -> bool:
    """Tell whether the route is one for callers, and this one was let in."""
    return _KEY in scope


def current_caller(scope: Scope) -> Any:
    """Return the caller whom the middleware let in."""
    return scope[_KEY]  # type: ignore[literal-required]


def requirement(handler: HTTPRouteHandler) -> Requires:
    """Read out of the route's signature what a caller needs; raises TypeError when it says nothing."""
    hints = typing.get_type_hints(handler.fn, include_extras=True)
    for marker in getattr(hints.get("caller"), "__metadata__", ()):
        if isinstance(marker, Requires):
            return marker
    raise TypeError(f"{handler.fn.__qualname__} takes no caller: name the scope it needs in its signature")


def secured(path: str, handlers: Iterable[HTTPRouteHandler]) -> Router:
    """Collect routes that only authenticated callers reach."""
    collected = list(handlers)
    for handler in collected:
        handler.opt[_OPTION] = requirement(handler)
    provided = {"caller": Provide(current_caller, sync_to_thread=False)}
    return Router(path=path, route_handlers=collected, dependencies=provided)


def with_caller(callers: Callers, limits: Limits) -> typing.Callable[[ASGIApp], ASGIApp]:
    """Make the middleware: token, then scope, then rate limit (api-v2 section 1.15)."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
            needs: Requires | None = (
                scope["route_handler"].opt.get(_OPTION) if scope["type"] == ScopeType.HTTP else None
            )
            if needs is None:
                await app(scope, receive, send)
                return
            caller = await callers.authenticate(_bearer(scope))
            verdict = await _count(caller, limits, scope)
            if needs.scope is not None and needs.scope not in caller.scopes:
                raise InsufficientScope.of(needs.scope)
            if not verdict.is_allowed:
                metrics.RATE_LIMITED.inc()
                raise RateLimitExceeded(max(1, math.ceil(verdict.retry_after)))
            scope[_KEY] = caller  # type: ignore[literal-required]
            arrival_of(scope).known()
            await app(scope, receive, send)

        return authenticated

    return middleware


def _bearer(scope: Scope) -> str:
    scheme, _, token = (
        context_of(scope).asked.get(b"authorization", b"").decode("latin-1").strip().partition(" ")
    )
    if scheme.lower() != "bearer":
        raise Unauthorized
    return token.strip()


async def _count(caller: Caller, limits: Limits, scope: Scope) -> Verdict:
    """Count a request; its answer tells the limit, what is left, and the Unix second at which all of it is back."""
    limit = caller.rate_limit_per_minute
    verdict = await limits.spend(f"token:{caller.token_id}", Bucket.per_minute(limit))
    context_of(scope).headers += [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % min(limit, verdict.remaining)),
        (b"x-ratelimit-reset", b"%d" % math.ceil(clock.now().timestamp() + verdict.full_after)),
    ]
    return verdict
