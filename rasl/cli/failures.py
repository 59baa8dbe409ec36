"""Every expected error as one sentence on stderr, or as one JSON object on stdout, with its exit code."""

import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import asyncpg
import msgspec
import typer

from pgbox import PostgresError
from rasl.cli.calling import CommandError
from rasl.db.schema import MigrationError
from rasl.errors import ApiError, ServiceUnavailable, ValidationFailed
from rasl.log import redact
from rasl.sealing import SealError
from rasl.services.operators.tenants import OperatorError
from rasl.settings import SettingsError
from rasl.start.errors import StartError

_WRONG_CALL = 2
_CUT_OFF = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    ConnectionError,
)
# Kinds of errors; their code, None where they bring their own; what to say, None where they say it themselves.
_KNOWN: tuple[tuple[tuple[type[Exception], ...], str | None, str | None], ...] = (
    ((StartError, OperatorError), None, None),
    ((BrokenPipeError,), "OUTPUT_CLOSED", ""),
    ((typer.Abort,), "ABORTED", ""),
    (
        (ServiceUnavailable, *_CUT_OFF),
        "DATABASE_UNREACHABLE",
        "The database does not answer: `rasl doctor` tells more.",
    ),
    ((SettingsError,), "SETTINGS_INVALID", None),
    ((MigrationError,), "MIGRATION_REFUSED", None),
    ((SealError,), "SECRET_KEY_WRONG", None),
    ((PostgresError,), "EMBEDDED_DATABASE_FAILED", None),
    ((ApiError,), None, None),
)


class Failure(NamedTuple):
    """A code for scripts, a sentence for people, and the exit code.

    `told` is what scripts get besides, `lines` what people get below the sentence.
    """

    code: str
    message: str
    exit_code: int = 1
    told: Mapping[str, Any] = MappingProxyType({})
    lines: Sequence[str] = ()


def report(error: Exception, *, as_json: bool) -> int:
    """Tell what went wrong and return the exit code."""
    failure = describe(error)
    if failure.code == "UNEXPECTED":
        sys.stderr.write(redact("".join(traceback.format_exception(error))))
    if as_json:
        answer = {"error": {"code": failure.code, "message": failure.message, **failure.told}}
        sys.stdout.write(f"{msgspec.json.encode(answer).decode()}\n")
        sys.stdout.flush()
    elif failure.message:
        lines = (f"error: {failure.message}", *(f"  {line}" for line in failure.lines))
        sys.stderr.write("".join(f"{line}\n" for line in lines))
    return failure.exit_code


def describe(error: Exception) -> Failure:
    """Translate an error of any layer."""
    if isinstance(error, typer.TyperException):
        return _describe_wrong_call(error)
    if isinstance(error, CommandError):
        lines = tuple(map(redact, error.lines))
        return Failure(error.code, redact(str(error)), error.exit_code, error.told, lines)
    if isinstance(error, BrokenPipeError):
        # Whoever read our output has enough; Python would complain while flushing it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    for kinds, code, message in _KNOWN:
        if isinstance(error, kinds):
            own_code = getattr(error, "code", None)
            return Failure(code or str(own_code), message if message is not None else redact(_text_of(error)))
    name = type(error).__name__
    return Failure("UNEXPECTED", f"something unexpected happened ({name}); please report the lines above")


def _text_of(error: Exception) -> str:
    """Return what an error says, with the fields it names."""
    if isinstance(error, ValidationFailed):
        return "; ".join(f"{field}: {' '.join(texts)}" for field, texts in error.details.items())
    return str(error)


def _describe_wrong_call(error: typer.TyperException) -> Failure:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        return Failure("USAGE", message and f"say which command\n\n{message}", _WRONG_CALL)
    if context is not None:
        message = f"{message} See `{context.command_path} --help`."
    return Failure("USAGE", message, _WRONG_CALL)
