"""Who may call the operator API: whoever has an admin token, which is taken nowhere else; and on which port it is."""

import re
from collections.abc import Callable, Iterable
from typing import Any

from litestar import Request, Response, Router
from litestar.enums import ScopeType
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl.api.caller import Admission, check_address, let_in, token_of
from rasl.db.pool import Database
from rasl.domain.networks import Network
from rasl.errors import ApiError, NotFound, ResourceConflict, ValidationFailed
from rasl.services.operators import admin_tokens
from rasl.services.operators.admin_tokens import Operator
from rasl.services.operators.plans import InUseError
from rasl.services.operators.tenants import GoingError, NotThereError, OperatorError, TakenError
from rasl.web.envelope import failure, render

PATH = "/api/admin/v1"
_ROOT = "/api/admin"
_OPTION = "requires_operator"
_COMMANDS = re.compile(r":? ?[^:`]*`rasl [^`]+`[^`]*$")


def operated(handlers: Iterable[HTTPRouteHandler]) -> Router:
    """Collect routes that only operators reach, each of whom may do everything."""
    collected = list(handlers)
    for handler in collected:
        handler.opt[_OPTION] = True
    return Router(path=PATH, route_handlers=collected, exception_handlers={OperatorError: _render_refusal})


def is_of_operators(scope: Scope) -> bool:
    """Tell whether a request is for the operator API, whatever there is at its path."""
    path: str = scope["path"]
    return path == _ROOT or path.startswith(f"{_ROOT}/")


def operator_admission(database: Database, proxies: tuple[Network, ...]) -> Admission:
    """Make what finds out which operator calls; it raises what the request is refused with."""

    async def admit(scope: Scope) -> Operator:
        operator = await admin_tokens.authenticate(database, token_of(scope))
        check_address(scope, operator.allowed_cidrs, proxies)
        return operator

    return admit


def with_operator(admit: Admission) -> Callable[[ASGIApp], ASGIApp]:
    """Make the middleware that lets operators in."""

    def middleware(app: ASGIApp) -> ASGIApp:
        async def authenticated(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP and _OPTION in scope["route_handler"].opt:
                let_in(scope, await admit(scope))
            await app(scope, receive, send)

        return authenticated

    return middleware


def with_own_port(app: ASGIApp, port: int) -> ASGIApp:
    """Wrap the whole application: the operator API is on this port alone, and nothing else is.

    A request is judged by the port that it came in by, which nobody outside can say otherwise.
    """

    async def kept_apart(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            came_by = (scope.get("server") or ("", None))[1]
            if is_of_operators(scope) != (came_by == port):
                error = NotFound(f"There is nothing at {scope['path'][:200]}")
                await failure(Request(scope), error)(scope, receive, send)
                return
        await app(scope, receive, send)

    return kept_apart


def _render_refusal(request: Request[Any, Any, Any], error: OperatorError) -> Response[bytes]:
    """Answer what an operator asked for and cannot have, without the commands that its words name."""
    text = _COMMANDS.sub("", str(error))
    told = f"{text[:1].upper()}{text[1:]}"
    kinds: dict[type[OperatorError], type[ApiError]] = {
        NotThereError: NotFound,
        TakenError: ResourceConflict,
        InUseError: ResourceConflict,
        GoingError: ResourceConflict,
    }
    kind = kinds.get(type(error))
    return render(request, ValidationFailed({"": [told]}) if kind is None else kind(told))
