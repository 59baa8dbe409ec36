"""Answers in the document: errors, headers and examples stand there once, and routes refer to them."""

from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import msgspec
from litestar.openapi.datastructures import ResponseSpec

from rasl.api.docs.schemas import Schemas
from rasl.errors import ALL_ERRORS, ApiError
from rasl.web.envelope import Failure
from rasl.web.responses import ACCEPTED, example

_INTEGER = {"type": "integer", "minimum": 0}
_HEADERS: dict[str, Any] = {
    "X-Request-Id": {
        "description": "Also `meta.request_id`: quote it when you ask for help.",
        "required": True,
        "schema": {"type": "string"},
    },
    "X-RateLimit-Limit": {"description": "Requests a minute of this token.", "schema": _INTEGER},
    "X-RateLimit-Remaining": {"description": "How many are left just now.", "schema": _INTEGER},
    "X-RateLimit-Reset": {
        "description": "The Unix second at which all of them are back.",
        "schema": {"type": "integer", "format": "int64"},
    },
    "Retry-After": {
        "description": "Seconds until it is worth coming back.",
        "schema": {"type": "integer", "minimum": 1},
    },
    "Idempotent-Replayed": {
        "description": "`true`: the first answer to this Idempotency-Key, given again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "WWW-Authenticate": {"description": "`Bearer`, as RFC 6750 asks.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that this path has.", "schema": {"type": "string"}},
}
_LIMITED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
# Refused before anybody knows whose token it is, and what has nothing to do with the operation: one answer for it all.
_NAMELESS = frozenset(
    {
        "BAD_REQUEST",
        "METHOD_NOT_ALLOWED",
        "REQUEST_TIMEOUT",
        "URI_TOO_LONG",
        "HEADERS_TOO_LARGE",
        "UNAUTHORIZED",
    }
)
_ELSEWHERE = _NAMELESS | {
    "INVALID_JSON",
    "PAYLOAD_TOO_LARGE",
    "UNSUPPORTED_MEDIA_TYPE",
    "RATE_LIMIT_EXCEEDED",
    "INTERNAL_ERROR",
    "SERVICE_UNAVAILABLE",
}
_OWN = {"UNAUTHORIZED": ("WWW-Authenticate",), "METHOD_NOT_ALLOWED": ("Allow",)}
_BY_CODE: dict[str, type[ApiError]] = {error.code: error for error in ALL_ERRORS}


def header_components(without: Set[str]) -> dict[str, Any]:
    """Return the headers of answers, told once, but for those of errors that there are none of."""
    left_out = _LIMITED if "RATE_LIMIT_EXCEEDED" in without else ()
    return {_short(name): told for name, told in _HEADERS.items() if name not in left_out}


class Answers:
    """The answers that more than one route gives, as components; `without` names errors that no route has."""

    def __init__(self, schemas: Schemas, without: Set[str]) -> None:
        self._schemas = schemas
        self._without = without
        self._elsewhere = _ELSEWHERE - without
        self.responses: dict[str, Any] = {}
        self._names: dict[tuple[str, ...], str] = {}
        self.examples: dict[str, Any] = {}
        self._shown: set[bytes] = set()

    @property
    def _is_limited(self) -> bool:
        return "RATE_LIMIT_EXCEEDED" not in self._without

    def of(self, specs: Mapping[int, ResponseSpec], *, is_replayable: bool) -> dict[str, Any]:
        """Describe the answers of a route, or say where they are described."""
        found = {}
        for status, spec in sorted(specs.items()):
            if spec.data_container is not Failure:
                good = self._good(spec, is_replayable=is_replayable)
                found[str(status)] = self._shared(good) if spec.description == ACCEPTED else good
            elif codes := [
                item.id for item in spec.examples or () if item.id not in _ELSEWHERE | self._without
            ]:
                found[str(status)] = self._errors(codes)
        return found | {"default": self._errors(self._elsewhere)}

    def _good(self, spec: ResponseSpec, *, is_replayable: bool) -> dict[str, Any]:
        examples = {item.id: {"value": _plain(item.value)} for item in spec.examples or ()}
        schema = self._schemas.of(spec.data_container)
        content = {"schema": schema} | ({"examples": examples} if self._is_new(schema) else {})
        # That the limits come with every answer is told once, at the top of the document.
        names = ("X-Request-Id", *(["Idempotent-Replayed"] if is_replayable else ()))
        return {
            "description": spec.description,
            "headers": _headers(names),
            "content": {str(getattr(spec.media_type, "value", spec.media_type)): content},
        }

    def _is_new(self, schema: Mapping[str, Any]) -> bool:
        """Tell whether nothing with this schema was shown before: as much again would be a tenth of the document."""
        key = msgspec.json.encode(schema)
        is_new = key not in self._shown
        self._shown.add(key)
        return is_new

    def _shared(self, answer: dict[str, Any]) -> dict[str, Any]:
        self.responses.setdefault("Accepted", answer)  # the first shows an example
        return {"$ref": "#/components/responses/Accepted"}

    def _errors(self, codes: Iterable[str | None]) -> dict[str, Any]:
        errors = [_BY_CODE[code] for code in sorted(map(str, codes))]
        name = self._name(errors)
        self.examples |= {error.code: {"value": example(error)} for error in errors}
        self.responses[name] = {
            "description": ", ".join(f"`{error.code}`" for error in errors),
            "headers": _headers(_error_headers(errors, is_limited=self._is_limited)),
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Failure"},
                    "examples": {
                        error.code: {"$ref": f"#/components/examples/{error.code}"} for error in errors
                    },
                }
            },
        }
        return {"$ref": f"#/components/responses/{name}"}

    def _name(self, errors: Sequence[type[ApiError]]) -> str:
        """Return what an answer is called in the document: a single error by its code, more of them by their status."""
        codes = tuple(error.code for error in errors)
        if len(codes) == 1:
            return _camel(codes[0])
        if {*codes} == self._elsewhere:
            return "Otherwise"
        stem = f"Error{errors[0].status}"
        known = sum(name.partition(".")[0] == stem for name in self._names.values())
        return self._names.setdefault(codes, f"{stem}.{known + 1}" if known else stem)


def _camel(code: str) -> str:
    return code.title().replace("_", "")


def _error_headers(errors: Sequence[type[ApiError]], *, is_limited: bool) -> Iterable[str]:
    yield "X-Request-Id"
    if is_limited and not {error.code for error in errors} & _NAMELESS:
        yield from _LIMITED
    if any(
        error.retry_after is not None or "retry_after" in (error.example_details or {}) for error in errors
    ):
        yield "Retry-After"
    yield from (header for error in errors for header in _OWN.get(error.code, ()))


def _headers(names: Iterable[str]) -> dict[str, Any]:
    return {name: {"$ref": f"#/components/headers/{_short(name)}"} for name in names}


def _short(name: str) -> str:
    return name.removeprefix("X-").replace("RateLimit-", "")


def _plain(value: Any) -> Any:
    return msgspec.json.decode(value) if isinstance(value, msgspec.Raw) else msgspec.to_builtins(value)
