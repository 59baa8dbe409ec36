"""Structured logs with the request's context, and nothing secret in them."""

import io
import logging
import re
import sys
import time
from collections.abc import Mapping, MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog

_SECRET_KEYS = re.compile(r"token|secret|password|authorization|otp|code_plain|database_url", re.IGNORECASE)
# Bearer tokens, our own tokens, Meta's access tokens and what URLs carry, wherever they turn up in a text.
_SECRET_TEXT = re.compile(
    r"(?i)(bearer\s+)[^\s\"',}]+|rasl_[0-9A-Za-z]{20,}|EAA[0-9A-Za-z]{20,}|(?<=://)[^/\s:@]*:[^/\s]+(?=@)"
    r"|((?:password|secret|token)=)[^\s&\"']+|(?<=/media/)[0-9A-Za-z_-]{40,}=*"
)
_SAFE_KEYS = frozenset({"token_id"})
# Every request runs in a context of its own, so it is set once and never reset.
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
_state = {"is_debugging": False}


# While the database is away everything that needs it says so, again and again: once is enough.
_WAITS = "_waits_for_database"
_LEAST_OUTAGE_SECONDS = 1.0
_outage: dict[str, float | None] = {"since": None}


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
    for key, value in event.items():
        event[key] = _without_secrets(key, value)
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
        _drop_echoes_of_outage,
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
    # It warns with a traceback for each connection that cannot be made; the pool's owner says it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)


def is_debugging() -> bool:
    """Tell whether debug lines are written, for places where even asking a logger costs too much."""
    return _state["is_debugging"]


def database_is_away(reason: str) -> None:
    """Say once that the database does not answer; everything else that waits for it is silent until it is back."""
    if _outage["since"] is None:
        get_logger().warning("database_is_away", reason=reason)
        _outage["since"] = time.monotonic()


def database_answers() -> None:
    """Say that the database is back, if it was away."""
    since = _outage["since"]
    if since is None or (away := time.monotonic() - since) < _LEAST_OUTAGE_SECONDS:
        return
    _outage["since"] = None
    get_logger().warning("database_is_back", seconds=round(away, 1))


def _drop_echoes_of_outage(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    if _outage["since"] is not None and str(event.get("event", "")).endswith(_WAITS):
        raise structlog.DropEvent
    return event


def _add_request_id(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = REQUEST_ID.get()
    if request_id is not None:
        event.setdefault("request_id", request_id)
    return event


def get_logger() -> Any:
    """Return a logger; call it as `logger.info("what_happened", key=value)`."""
    return structlog.get_logger()
