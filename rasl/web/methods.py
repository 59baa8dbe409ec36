"""Methods as HTTP wants them: HEAD for every GET, OPTIONS and Allow that name all methods of a path.

The framework knows which methods a path has; it does not answer HEAD, and tells OPTIONS and Allow without it. A route
whose path goes on after an id of any shape (ENDING) is none for paths that end otherwise, whatever the framework says.
"""

import asyncio
from collections.abc import Iterable
from typing import Any, cast

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException, MethodNotAllowedException
from litestar.types import ASGIApp, HTTPScope, Message, Method, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage
from litestar.utils import normalize_path

from rasl.errors import MethodNotAllowed
from rasl.web.overrides import Refusal, names_method, overriding
from rasl.web.request import ENDING

# The option of a bare ASGI route that says which methods it takes: such a route is asked for every one.
METHODS = "rasl.methods"
_NO_METHOD = cast("Method", "NONE")


def methods_of(router: Litestar, path: str, raw_path: bytes) -> list[str]:
    """Return the methods that a path takes, in order of the alphabet; none when there is nothing at it."""
    path = normalize_path(path)
    try:
        found = router.asgi_router.handle_routing(path=path, method=_NO_METHOD)[1]
    except MethodNotAllowedException as error:
        names = (error.headers or {}).get("allow", "").split(", ")
    except HTTPException:
        return []
    else:
        names = found.opt.get(METHODS, ())
    return with_implied(name for name in names if _has_route(router, path, raw_path, name))


def with_implied(names: Iterable[str]) -> list[str]:
    """Add to the methods of a path those that follow from them, in order of the alphabet."""
    named = set(names)
    if "GET" in named:
        named.add("HEAD")
    return sorted(named | {"OPTIONS"}) if named else []


def allowed(scope: Scope) -> list[str]:
    """Return the methods that the path of a request takes, for a request that the framework has in hand."""
    return methods_of(scope["litestar_app"], scope["path"], scope["raw_path"])


def with_endings(app: ASGIApp) -> ASGIApp:
    """Wrap the routes: one whose path must end in a word is no route for other paths."""

    async def routed(scope: Scope, receive: Receive, send: Send) -> None:
        ending = scope["route_handler"].opt.get(ENDING)
        if ending is not None and not _ends(scope["raw_path"], scope["path_template"], ending):
            raise MethodNotAllowed(cast("HTTPScope", scope)["method"], allowed(scope))
        await app(scope, receive, send)

    return routed


def with_methods(app: Litestar, refusal: Refusal) -> ASGIApp:
    """Wrap the application: HEAD, OPTIONS, and the `_method` of forms, before a route is looked for."""

    async def understood(scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["type"] == ScopeType.HTTP else None
        if method == "HEAD":
            await _answer_head(app, scope, receive, send)
        elif method == "OPTIONS":
            await _answer_options(app, scope, receive, send)
        elif method == "POST" and names_method(scope):
            taken = methods_of(app, scope["path"], scope["raw_path"])
            again, answering = await overriding(app, scope, receive, refusal, taken)
            await answering(scope, again, send)
        else:
            await app(scope, receive, send)

    return understood


async def _answer_options(app: Litestar, scope: Any, receive: Receive, send: Send) -> None:
    names = methods_of(app, scope["path"], scope["raw_path"])
    if not names:
        await app(scope, receive, send)
        return
    scope["path_template"] = app.asgi_router.handle_routing(
        path=normalize_path(scope["path"]), method="OPTIONS"
    )[4]
    headers = [(b"allow", ", ".join(names).encode())]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _answer_head(app: Litestar, scope: Any, receive: Receive, send: Send) -> None:
    """Answer as to GET. The server drops the body, as it knows by its own scope what was asked; a stream ends early."""
    names = methods_of(app, scope["path"], scope["raw_path"])
    if "GET" not in names or _has_route(app, normalize_path(scope["path"]), scope["raw_path"], "HEAD"):
        await app(scope, receive, send)
        return
    asked: Any = {**scope, "method": "GET"}
    is_enough = asyncio.Event()
    is_read = False

    async def nothing_more() -> ReceiveMessage:
        nonlocal is_read
        if not is_read:
            is_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await is_enough.wait()
        return {"type": "http.disconnect"}

    async def send_head(message: Message) -> None:
        if is_enough.is_set():
            return
        if message["type"] == "http.response.body" and message.get("more_body"):
            is_enough.set()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await send(message)

    try:
        await app(asked, nothing_more, send_head)
    finally:
        is_enough.set()
        if "path_template" in asked:
            scope["path_template"] = asked["path_template"]


def _has_route(router: Litestar, path: str, raw_path: bytes, name: str) -> bool:
    try:
        _, handler, _, _, template = router.asgi_router.handle_routing(path=path, method=cast("Method", name))
    except HTTPException:
        return False
    ending = handler.opt.get(ENDING)
    if ending is not None:
        return _ends(raw_path, template, ending)
    return name in handler.opt.get(METHODS, (name,))


def _ends(raw_path: bytes, template: str, ending: str) -> bool:
    """Tell whether a path ends in the word and has something where the template has the id."""
    rest = raw_path.rstrip(b"/")
    name = rest.removesuffix(ending.encode())
    return name != rest and sum(map(bool, name.split(b"/"))) >= sum(map(bool, template.split("/")))
