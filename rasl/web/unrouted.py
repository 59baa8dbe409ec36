"""What the framework refused before a route of ours ran: unknown paths, methods that a path does not take."""

from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from rasl.errors import (
    ApiError,
    InvalidJson,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from rasl.web.envelope import render, render_unexpected
from rasl.web.methods import allowed, methods_of

_OLDER, _OURS, _PAGE = "/api/v1", "/api/v2", "/docs"
_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidJson,
    401: Unauthorized,
    404: NotFound,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    503: ServiceUnavailable,
}


def render_framework_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer in the envelope what the framework refused."""
    if error.status_code == 405:
        return render(request, MethodNotAllowed(request.method, allowed(request.scope)))
    known = _BY_STATUS.get(error.status_code)
    if known is None:
        return render_unexpected(request, error)
    return render(request, _nothing_at(request) if known is NotFound else known())


def _nothing_at(request: Request[Any, Any, Any]) -> NotFound:
    path: str = request.scope["path"]
    if path != _OLDER and not path.startswith(f"{_OLDER}/"):
        return NotFound(f"There is nothing at {path[:200]}")
    details = {"documentation": _PAGE}
    message = f"This server speaks version 2 of the API, which {_PAGE} describes"
    same = _same_in_ours(request, path.removeprefix(_OLDER))
    if same is not None:
        details["path"] = same
        message = f"{message}: use {request.method} {same}"
    return NotFound(message, details)


def _same_in_ours(request: Request[Any, Any, Any], rest: str) -> str | None:
    """Find what version 1 calls so in version 2; version 1 has the name of the tenant before the noun."""
    for name in (rest, "/" + rest.lstrip("/").partition("/")[2]):
        path = _OURS + name[:200]
        methods = methods_of(request.app, path, path.encode())
        if request.method in methods or (request.method == "PUT" and "PATCH" in methods):
            return path
    return None
