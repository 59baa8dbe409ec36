"""Answers of the server itself, for requests that never reach the application; in the envelope like every other."""

import http
import uuid

import msgspec

from rasl import metrics
from rasl.errors import ApiError
from rasl.web.context import timestamp
from rasl.web.envelope import ErrorBody, Failure, Meta


def written(error: ApiError) -> bytes:
    """Return a whole answer, after which the connection is closed."""
    metrics.REQUESTS.labels("unmatched", error.status).inc()
    request_id = str(uuid.uuid4())
    body = msgspec.json.encode(
        Failure(
            success=False,
            error=ErrorBody(error.code, error.message, error.details),
            meta=Meta(request_id, timestamp()),
        )
    )
    lines = [
        f"HTTP/1.1 {error.status} {http.HTTPStatus(error.status).phrase}",
        "content-type: application/json",
        f"content-length: {len(body)}",
        f"x-request-id: {request_id}",
        "x-content-type-options: nosniff",
        "cache-control: no-store",
        *(f"{name}: {value}" for name, value in error.headers.items()),
        "connection: close",
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body
