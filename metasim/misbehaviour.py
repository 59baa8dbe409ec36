"""The answers a broken edge gives instead of Graph's."""

from typing import Any

import msgspec

from metasim.errors import GraphError, refusal
from metasim.exchange import Answer, Wire
from metasim.faults import Effect

_HTML_502 = (
    b"<!DOCTYPE html><html><head><title>Error</title></head><body><h1>Sorry, something went wrong.</h1>"
    b"<p>We're working on it and we'll get it fixed as soon as we can.</p></body></html>"
)

_WIRES: dict[str, Wire] = {
    "drop_after_accept": "drop",
    "truncated_200": "truncate",
    "slow": "slow",
    "endless": "endless",
}
_SLOW_PACE = 1.0


def broken_answer(effect: Effect) -> Answer:
    """The answer of an effect that strikes before anything is accepted."""
    if effect.kind == "reset":
        return Answer(0, b"", wire="reset")
    if effect.kind == "html_502":
        return Answer(502, _HTML_502, content_type=b"text/html; charset=utf-8")
    if effect.kind == "empty_500":
        return Answer(500, b"")
    return Answer(effect.http or 500, _body(effect.body), content_type=effect.content_type.encode())


def marred(answer: Answer, effect: Effect | None) -> Answer:
    """An answer to something accepted, after what an effect does to it on its way back."""
    if effect is None:
        return answer
    if effect.kind == "html_200":
        return Answer(200, _HTML_502, content_type=b"text/html; charset=utf-8", delay=answer.delay)
    wire = _WIRES.get(effect.kind)
    if wire is not None:
        answer.wire = wire
        answer.pace = effect.seconds or (_SLOW_PACE if wire == "slow" else 0.0)
    return answer


def refused(effect: Effect) -> GraphError:
    """The refusal of an error effect."""
    return refusal(effect.code or 131000, effect.details, http=effect.http)


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    return body.encode() if isinstance(body, str) else msgspec.json.encode(body)
