"""Pages of other origins: closed, unless the operator named the origin (`docs/operation.md` says why).

A token in a page is everybody's who opens the page, so browsers are not let in by default. Cookies mean nothing here,
so no answer ever allows credentials.
"""

from collections.abc import Collection

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from rasl.web.context import context_of
from rasl.web.methods import methods_of

_TAKEN = b"Authorization, X-API-Key, Idempotency-Key, Prefer, Content-Type, X-Request-Id"
_SHOWN = (
    b"X-Request-Id, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, Retry-After, Idempotent-Replayed, "
    b"Content-Disposition"
)
_PREFLIGHT_SECONDS = 600


def with_origins(router: Litestar, app: ASGIApp, origins: Collection[str]) -> ASGIApp:
    """Wrap the application: pages of these origins may read its answers; without any nothing is wrapped."""
    if not origins:
        return app
    known = {origin.encode() for origin in origins}

    async def shared(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP:
            context = context_of(scope)
            origin = context.asked.get(b"origin")
            # Also for strangers: a cache must not give one origin's answer to another.
            context.headers.append((b"vary", b"Origin"))
            if origin is not None and origin in known:
                context.headers.append((b"access-control-allow-origin", origin))
                if scope["method"] == "OPTIONS" and b"access-control-request-method" in context.asked:
                    names = methods_of(router, scope["path"], scope["raw_path"])
                    context.headers += [
                        (b"access-control-allow-methods", ", ".join(names).encode()),
                        (b"access-control-allow-headers", _TAKEN),
                        (b"access-control-max-age", b"%d" % _PREFLIGHT_SECONDS),
                    ]
                else:
                    context.headers.append((b"access-control-expose-headers", _SHOWN))
        await app(scope, receive, send)

    return shared
