"""The OpenAPI document: every answer of a route, good or bad, as a response with an example."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import Example

from rasl.errors import (
    AccountSuspended,
    AddressNotAllowed,
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
# How answers to `Prefer: respond-async` are described, which are all alike.
ACCEPTED = "Accepted with `Prefer: respond-async`."
# Marks, until the document is written, a list of values that is not closed.
OPEN = "x-open"
IDEMPOTENT = (IdempotencyInProgress, IdempotencyKeyReused)
_EVERYWHERE = (
    BadRequest,
    Unauthorized,
    InsufficientScope,
    AccountSuspended,
    AddressNotAllowed,
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
            examples=[Example(id=error.code, summary=error.text, value=example(error)) for error in known],
        )
        for status, known in sorted(by_status.items())
    }


def response(kind: Any, description: str, message: str, data: Any, **meta: Any) -> ResponseSpec:
    """Describe a good answer with an example."""
    whole = {"success": True, "message": message, "data": data, "meta": EXAMPLE_META | meta}
    good = Example(id="success", summary=message, value=msgspec.Raw(msgspec.json.encode(whole)))
    return ResponseSpec(kind, description=description, generate_examples=False, examples=[good])


def example(error: type[ApiError]) -> dict[str, Any]:
    """Return what is answered when this goes wrong."""
    body = {"code": error.code, "message": error.text, "details": dict(error.example_details or {})}
    return {"success": False, "error": body, "meta": EXAMPLE_META}


def one_of(title: str, values: Iterable[str]) -> msgspec.Meta:
    """Describe a text of answers that is one of these; the document tells them once, under this title."""
    return msgspec.Meta(title=title, extra_json_schema={"enum": list(values)})


def mostly_one_of(title: str, values: Iterable[str]) -> msgspec.Meta:
    """Describe a text that is one of these as far as is known: the words are WhatsApp's, and it may say others."""
    return msgspec.Meta(title=title, extra_json_schema={"enum": list(values), OPEN: True})
