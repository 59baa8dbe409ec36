"""From token to caller, with the scope as a type in the route's signature.

    async def list_messages(caller: MayReadMessages, ...): ...

A route of the API without such a parameter does not start; one for every token says so with AnyCaller. Where either of
several scopes will do, all of them are named: `Annotated[Caller, Requires("sources:delete", "sources:write")]`.
"""

import math
import typing
from collections.abc import Iterable
from typing import Annotated, Any

from litestar import Router
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl import clock, metrics
from rasl.arrival import arrival_of
from rasl.domain import credentials, networks
from rasl.domain.gcra import Bucket
from rasl.domain.networks import Network
from rasl.domain.tenants import Caller
from rasl.errors import AddressNotAllowed, ApiError, InsufficientScope, RateLimitExceeded
from rasl.services.ground.callers import Callers
from rasl.services.ground.limits import Limits, Verdict
from rasl.web.addresses import client_address
from rasl.web.context import context_of

Admission = typing.Callable[[Scope], typing.Awaitable[object]]
_KEY = "rasl.caller"
_OPTION = "requires"


class Requires:
    """The scopes of which a route asks for one, the usual one first; none when any valid token will do."""

    __slots__ = ("scopes",)

    def __init__(self, *scopes: str) -> None:
        self.scopes = scopes

    @property
    def scope(self) -> str | None:
        """The usual one."""
        return self.scopes[0] if self.scopes else None

    def is_met_by(self, caller: Caller) -> bool:
        """Tell whether the caller's token has one of them."""
        return not self.scopes or not caller.scopes.isdisjoint(self.scopes)


MaySendMessages = Annotated[Caller, Requires("messages:send")]
MayReadMessages = Annotated[Caller, Requires("messages:read")]
MayReadTemplates = Annotated[Caller, Requires("templates:read")]
MayReadContacts = Annotated[Caller, Requires("contacts:read")]
MayWriteContacts = Annotated[Caller, Requires("contacts:write")]
MayDeleteContacts = Annotated[Caller, Requires("contacts:delete")]
AnyCaller = Annotated[Caller, Requires()]


def has_caller(scope: Scope) -> bool:
    """Tell whether the route is one for callers, and this one was let in: an operator is none."""
    return isinstance(scope.get(_KEY), Caller)


def current_caller(scope: Scope) -> Any:
    """Return the caller whom the middleware let in."""
    return scope[_KEY]  # type: ignore[literal-required]


def country_of(scope: Scope) -> str | None:
    """Return the country of phone numbers without +; operators have none."""
    return current_caller(scope).tenant.default_country if has_caller(scope) else None


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


def with_caller(
    callers: Callers, limits: Limits, proxies: tuple[Network, ...]
) -> typing.Callable[[ASGIApp], ASGIApp]:
    """Make the middleware: token, address, then scope, then rate limit (api-v2 section 1.15)."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
            needs: Requires | None = (
                scope["route_handler"].opt.get(_OPTION) if scope["type"] == ScopeType.HTTP else None
            )
            if needs is None:
                await app(scope, receive, send)
                return
            caller = await _admitted(callers, proxies, scope)
            verdict = await _count(caller, limits, scope)
            if not needs.is_met_by(caller):
                raise InsufficientScope.of(*needs.scopes)
            if not verdict.is_allowed:
                metrics.RATE_LIMITED.inc()
                raise RateLimitExceeded(max(1, math.ceil(verdict.retry_after)))
            let_in(scope, caller)
            await app(scope, receive, send)

        return authenticated

    return middleware


def let_in(scope: Scope, caller: object) -> None:
    """Let somebody in whose token is good."""
    scope[_KEY] = caller  # type: ignore[literal-required]
    arrival_of(scope).known()


def admission(callers: Callers, proxies: tuple[Network, ...]) -> Admission:
    """Make what finds out who calls; it raises what the request is refused with."""

    async def admit(scope: Scope) -> Caller:
        return await _admitted(callers, proxies, scope)

    return admit


def refusing(admit: Admission) -> typing.Callable[[Scope], typing.Awaitable[ApiError | None]]:
    """Make the question whether a request's token is refused, for what has to read its body before it has a route."""

    async def refusal(scope: Scope) -> ApiError | None:
        try:
            await admit(scope)
        except ApiError as error:
            return error
        arrival_of(scope).known()
        return None

    return refusal


async def _admitted(callers: Callers, proxies: tuple[Network, ...], scope: Scope) -> Caller:
    """Return the caller of a request; one from elsewhere than its token allows costs the token nothing."""
    caller = await callers.authenticate(token_of(scope))
    check_address(scope, caller.allowed_cidrs, proxies)
    return caller


def check_address(scope: Scope, allowed_cidrs: tuple[str, ...], proxies: tuple[Network, ...]) -> None:
    """Refuse a request from elsewhere than its token allows; raises AddressNotAllowed."""
    if allowed_cidrs:
        address = client_address(scope, proxies)
        if not networks.holds(networks.read_networks(allowed_cidrs), address):
            raise AddressNotAllowed.of(None if address is None else str(address))


def token_of(scope: Any) -> str:
    """Return the token that a request shows; raises Unauthorized."""
    asked = context_of(scope).asked
    if len(asked) != len(scope["headers"]):
        _refuse_two(scope)
    return credentials.read_token(_text(asked.get(b"authorization")), _text(asked.get(b"x-api-key")))


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


def _refuse_two(scope: Scope) -> None:
    """Refuse a header that is there twice: whoever stands before us may have looked at the other one."""
    for wanted in (b"authorization", b"x-api-key"):
        if len({value for name, value in scope["headers"] if name == wanted}) > 1:
            raise credentials.two_tokens()


async def _count(caller: Caller, limits: Limits, scope: Scope) -> Verdict:
    """Count a request; its answer tells the limit, what is left, and the Unix second at which all of it is back.

    Where the plan has a limit for all tokens of the tenant, too, the one that leaves less speaks.
    """
    limit = caller.rate_limit_per_minute
    verdict = await limits.spend(f"token:{caller.token_id}", Bucket.per_minute(limit))
    of_all = caller.tenant.plan.max_api_calls_per_minute
    if verdict.is_allowed and of_all is not None and of_all > 0:
        other = await limits.spend(f"tenant:{caller.tenant.id}", Bucket.per_minute(of_all))
        if not other.is_allowed or min(of_all, other.remaining) < min(limit, verdict.remaining):
            limit, verdict = of_all, other
    context_of(scope).headers += [
        (b"x-ratelimit-limit", b"%d" % limit),
        (b"x-ratelimit-remaining", b"%d" % min(limit, verdict.remaining)),
        (b"x-ratelimit-reset", b"%d" % math.ceil(clock.now().timestamp() + verdict.full_after)),
    ]
    return verdict
