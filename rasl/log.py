"""Structured logs with the request's context, and nothing secret in them."""

import functools
import io
import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO, cast
from urllib.parse import parse_qsl

import structlog

_SECRET_KEYS = re.compile(
    r"token|secret|password|authorization|api.?key|otp|code_plain|database_url", re.IGNORECASE
)
# Bearer tokens, our own tokens, Meta's access tokens and what URLs carry, wherever they turn up in a text.
_SECRET_TEXT = re.compile(
    r"(?i)(bearer\s+)[^\s\"',}]+|rasl(?:adm)?_[0-9A-Za-z]{20,}|EAA[0-9A-Za-z]{20,}|(?<=://)[^/\s:@]*:[^/\s]+(?=@)"
    r"|((?:password|secret|token)=)[^\s&\"']+|(?<=/media/)[0-9A-Za-z_-]{40,}=*"
)
_SAFE_KEYS = frozenset({"token_id"})
# What is ours, or the client's name for the request: it is there to be found, whatever words a query has.
_OF_NO_QUERY = frozenset(
    {"level", "timestamp", "request_id", "client_request_id", "path", "route", "method", "status", "seconds"}
)
_PIECE = 4  # characters in a row from which on a text is taken for a quotation
_PLACE = re.compile(r'  File "[^"]*", line \d+, in ')
_KIND = re.compile(r"[\w.]+: ")
# Every request runs in a context of its own, so it is set once and never reset.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
CLIENT_REQUEST_ID: ContextVar[str | None] = ContextVar("client_request_id", default=None)
# The query string of the request, whose values no line may show: fields of writes and filters stand in it.
QUERY: ContextVar[bytes] = ContextVar("query", default=b"")
_state = {"is_debugging": False}


class _LateStderr(io.TextIOBase):
    """Standard error as it is when a line is written: whoever replaced it since may have closed the old one."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


_LATE_STDERR = cast("TextIO", _LateStderr())


def redact(text: str) -> str:
    """Blank out everything in the text that looks like a credential."""
    return _SECRET_TEXT.sub(lambda match: f"{match[1] or match[2] or ''}[redacted]", text)


def _redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    query = QUERY.get()
    for key, value in event.items():
        event[key] = _without_secrets(key, value)
        if query and key not in _OF_NO_QUERY and not (key == "event" and str(value).isidentifier()):
            event[key] = _without_query(event[key], query)
    return event


def _without_secrets(key: str, value: Any) -> Any:
    if _SECRET_KEYS.search(key) and key not in _SAFE_KEYS:
        return "[redacted]"
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {name: _without_secrets(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_secrets("", item) for item in value]
    # Both renderers would show what they do not know by its repr.
    return redact(value if isinstance(value, str) else repr(value))


def _without_query(value: Any, query: bytes) -> Any:
    """Hide what may quote a value of the query: whole lines of texts, as an error may quote a part of one only."""
    if isinstance(value, Mapping):
        return {name: _without_query(item, query) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_query(item, query) for item in value]
    if not isinstance(value, str):
        return value
    pieces = _pieces_of_values(query)
    lines = value.split("\n")
    return "\n".join(_hidden(line) if _quotes(line, pieces) else line for line in lines)


@functools.lru_cache(maxsize=1)
def _pieces_of_values(query: bytes) -> frozenset[str]:
    """Return every few characters in a row of the values, however they may be written."""
    text = query.decode("latin-1")
    values = [value for _, value in parse_qsl(text, keep_blank_values=True)]
    raw = [pair.partition("=")[2] for pair in text.split("&")]
    written = {
        form.casefold() for value in (*values, *raw) for form in (value, ascii(value)[1:-1], _digits(value))
    }
    return frozenset(
        form[at : at + _PIECE]
        for form in written
        if len(form) > 2
        for at in range(max(1, len(form) - _PIECE + 1))
    )


def _quotes(line: str, pieces: frozenset[str]) -> bool:
    if _PLACE.match(line):
        return False
    return any(
        text[at : at + size] in pieces
        for text in (line.casefold(), _digits(line))
        for size in (_PIECE - 1, _PIECE)
        for at in range(len(text) - size + 1)
    )


def _hidden(line: str) -> str:
    """Of the last line of a trace, say, the kind of error stays."""
    kind = _KIND.match(line)
    return f"{kind[0] if kind else ''}[hidden: it may quote the query of the request]"


def _digits(text: str) -> str:
    return "".join(filter(str.isdecimal, text))


def configure(log_format: str, log_level: str) -> None:
    """Set up structlog and the standard library's logging for this process; logs go to stderr."""
    level = logging.getLevelNamesMapping()[log_level.upper()]
    _state["is_debugging"] = level <= logging.DEBUG
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(
            colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
    )
    shared: list[Any] = [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # A console renderer prints the traceback itself; redaction must see its text first in either format.
    ending: list[Any] = [structlog.processors.format_exc_info, _redact_event, renderer]
    structlog.configure(
        processors=[*shared, structlog.stdlib.PositionalArgumentsFormatter(), *ending],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=_LATE_STDERR),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(_LATE_STDERR)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *ending],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    # It tells each failed attempt to reconnect with its trace; an outage is told once, by db/outage.
    logging.getLogger("asyncpg").setLevel(logging.ERROR)


def is_debugging() -> bool:
    """Tell whether debug lines are written, for places where even asking a logger costs too much."""
    return _state["is_debugging"]


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    client_request_id = CLIENT_REQUEST_ID.get()
    if client_request_id is not None:
        event.setdefault("client_request_id", client_request_id)
    return event


def get_logger() -> Any:
    """Return a logger; call it as `logger.info("what_happened", key=value)`."""
    return structlog.get_logger()
