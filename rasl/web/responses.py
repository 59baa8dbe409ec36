"""The OpenAPI document: every answer of a route, good or bad, as a response with an example."""

from collections import defaultdict
from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from rasl.errors import (
    ApiError,
    BadRequest,
    HeadTooLarge,
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InsufficientScope,
    InternalError,
    InvalidJson,
    MethodNotAllowed,
    PayloadTooLarge,
    RateLimitExceeded,
    RequestTimeout,
    ServiceUnavailable,
    Unauthorized,
    UnsupportedMediaType,
    UriTooLong,
    ValidationFailed,
)
from rasl.web.envelope import Failure

EXAMPLE_META = {
    "request_id": "b7a3e0c2-5f0e-4c8e-9f1b-2d4f6c1a9e77",
    "timestamp": "2026-03-04T09:15:22+00:00",
}
EXAMPLE_PAGE = {
    "current_page": 1,
    "per_page": 15,
    "count": 1,
    "total": 1,
    "total_pages": 1,
    "last_page": 1,
    "from": 1,
    "to": 1,
    "has_more": False,
    "next_cursor": None,
}
# What may be wrong with a body, and with the Idempotency-Key of a POST.
READS_BODY = (InvalidJson, ValidationFailed, PayloadTooLarge, UnsupportedMediaType)
IDEMPOTENT = (IdempotencyInProgress, IdempotencyKeyReused)
_EVERYWHERE = (
    BadRequest,
    Unauthorized,
    InsufficientScope,
    MethodNotAllowed,
    RequestTimeout,
    UriTooLong,
    RateLimitExceeded,
    HeadTooLarge,
    InternalError,
    ServiceUnavailable,
)


def raises(*errors: type[ApiError]) -> dict[int, ResponseSpec]:
    """Describe the errors of a route, those of every route included, by HTTP status."""
    by_status: dict[int, list[type[ApiError]]] = defaultdict(list)
    every: dict[type[ApiError], None] = dict.fromkeys((*errors, *_EVERYWHERE))
    for error in every:
        by_status[error.status].append(error)
    return {
        status: ResponseSpec(
            Failure,
            generate_examples=False,
            description="; ".join(f"`{error.code}`: {error.text}" for error in known),
            examples=[_example(error) for error in known],
        )
        for status, known in sorted(by_status.items())
    }


def response(kind: Any, description: str, message: str, data: Any, **meta: Any) -> ResponseSpec:
    """Describe a good answer with an example."""
    whole = {"success": True, "message": message, "data": data, "meta": EXAMPLE_META | meta}
    # Raw, because the framework would drop every null; `docs.document` decodes it.
    example = Example(id="success", summary=message, value=msgspec.Raw(msgspec.json.encode(whole)))
    return ResponseSpec(kind, description=description, generate_examples=False, examples=[example])


def _example(error: type[ApiError]) -> Example:
    details = dict(error.example_details or {})
    body = {"code": error.code, "message": error.text, "details": details}
    return Example(
        id=error.code, summary=error.text, value={"success": False, "error": body, "meta": EXAMPLE_META}
    )
