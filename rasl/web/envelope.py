"""The one shape of every answer, good or bad (api-v2 sections 1.4 and 1.5)."""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec
from litestar import MediaType, Request, Response
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from rasl import log
from rasl.errors import (
    ApiError,
    InternalError,
    InvalidJson,
    MethodNotAllowed,
    NotFound,
    PayloadTooLarge,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
)
from rasl.web.context import Ignored, context_of, timestamp

_Data = TypeVar("_Data")
_logger = log.get_logger()
_BY_STATUS: dict[int, type[ApiError]] = {
    400: InvalidJson,
    401: Unauthorized,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    503: ServiceUnavailable,
}


class Pagination(msgspec.Struct):
    """Where a page stands in its list; `total_is_estimated` appears above 10,000.

    A page asked for by `cursor` has no number and no total. `next_cursor` is null on the last page.
    """

    current_page: int | None
    per_page: int
    total: int | None
    last_page: int | None
    from_: int | None = msgspec.field(name="from")
    to: int | None
    next_cursor: str | None
    total_is_estimated: bool | msgspec.UnsetType = msgspec.UNSET


class Meta(msgspec.Struct):
    """What belongs to the answer rather than to the data; `ignored` is there when names of the request mean nothing."""

    request_id: str
    timestamp: str
    pagination: Pagination | msgspec.UnsetType = msgspec.UNSET
    ignored: list[Ignored] | msgspec.UnsetType = msgspec.UNSET


class Success(msgspec.Struct, Generic[_Data]):
    """A good answer."""

    success: Literal[True]
    message: str
    data: _Data
    meta: Meta


class ErrorBody(msgspec.Struct):
    """Which error it is, in a sentence, with its details."""

    code: str
    message: str
    details: dict[str, Any]


class Failure(msgspec.Struct):
    """A bad answer; `error.code` is stable, `error.details` depends on the code."""

    success: Literal[False]
    error: ErrorBody
    meta: Meta


class Answer:
    """A finished answer; the framework's own response classes would cost as much as the rest of the route."""

    __slots__ = ("_body", "_headers", "_status")

    def __init__(self, body: bytes, status: int, headers: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self._body = body
        self._status = status
        self._headers = headers

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        length = b"%d" % len(self._body)
        headers = [(b"content-type", b"application/json"), (b"content-length", length), *self._headers]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body, "more_body": False})


def success(
    request: Any, message: str, data: Any, pagination: Pagination | None = None, status: int = 200
) -> ASGIApp:
    """Answer with data in the envelope of this request; the route documents its type among its responses."""
    return Answer(_success_body(request, message, data, pagination), status)


def success_once(
    request: Any, message: str, data: Mapping[str, Any], once: Mapping[str, Any], status: int = 200
) -> ASGIApp:
    """Answer as `success` does, with data that nothing keeps: an Idempotency-Key brings back the rest only."""
    if once:
        context_of(request.scope).kept = _success_body(request, message, data)
    return success(request, message, {**data, **once}, status=status)


def _success_body(request: Any, message: str, data: Any, pagination: Pagination | None = None) -> bytes:
    envelope = Success(success=True, message=message, data=data, meta=_meta(request, pagination))
    return msgspec.json.encode(envelope)


def failure(request: Any, error: ApiError) -> ASGIApp:
    """Answer with an error of ours without raising it."""
    headers = [(name.encode(), value.encode()) for name, value in error.headers.items()]
    return Answer(_failure_body(request, error), error.status, headers)


def _failure_body(request: Any, error: ApiError) -> bytes:
    body = Failure(
        success=False,
        error=ErrorBody(error.code, error.message, error.details),
        meta=_meta(request),
    )
    return msgspec.json.encode(body)


def _meta(request: Any, pagination: Pagination | None = None) -> Meta:
    context = context_of(request.scope)
    return Meta(
        context.request_id, timestamp(), pagination or msgspec.UNSET, context.ignored or msgspec.UNSET
    )


def render(request: Request[Any, Any, Any], error: ApiError) -> Response[bytes]:
    """Answer with an error of ours."""
    # A refused body may still be on its way; closing keeps it from being read as the next request.
    headers = {**error.headers, **({"connection": "close"} if isinstance(error, PayloadTooLarge) else {})}
    return Response(
        _failure_body(request, error), status_code=error.status, media_type=MediaType.JSON, headers=headers
    )


def render_framework_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """Answer what the framework refused: unknown route, wrong method, body over the limit."""
    known = _BY_STATUS.get(error.status_code)
    if known is None:
        return render_unexpected(request, error)
    if known is NotFound:
        return render(request, NotFound(f"There is nothing at {request.scope['path'][:200]}"))
    if known is MethodNotAllowed:
        return render(request, MethodNotAllowed(f"{request.method} is not allowed here"))
    return render(request, known())


def enveloped(app: ASGIApp) -> ASGIApp:
    """Wrap the whole application: what its own handlers let through is answered in the envelope all the same."""

    async def guarded(scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def noting(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await app(scope, receive, noting)
        except Exception as error:
            if scope["type"] != ScopeType.HTTP or has_begun:
                raise
            _logger.exception("unexpected_error", path=scope["path"])
            known = error if isinstance(error, ApiError) else InternalError()
            await failure(Request(scope), known)(scope, receive, send)

    return guarded


def render_gone(_request: Request[Any, Any, Any], _error: Exception) -> Response[None]:
    """Answer nobody: the client is gone."""
    return Response(None, status_code=499)


def render_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Log an unexpected error once, with its trace, and answer with nothing but the request id."""
    _logger.error("unexpected_error", path=request.scope["path"], exc_info=error)
    return render(request, InternalError())
