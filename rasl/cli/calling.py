"""Calls that commands make: to the API and to the simulator, with errors that a command can end with."""

from collections.abc import Mapping
from typing import Any

from rasl.start import calling
from rasl.start.calling import BrokenError, NotReachedError, Reply, as_json

_FAILED = 1


class CommandError(Exception):
    """Why a command could not do what it was told: one sentence, with a code for scripts.

    `told` is what else is known of it, for --json; `lines` is the same for people.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        exit_code: int = _FAILED,
        told: Mapping[str, Any] | None = None,
        lines: tuple[str, ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code
        self.told = dict(told or {})
        self.lines = lines


class NoAnswerError(CommandError):
    """Nobody is there: no byte of the request arrived anywhere."""


class BrokenOffError(CommandError):
    """The connection broke after the request went out: it may have been carried out."""


def call(method: str, url: str, headers: Mapping[str, str] | None = None, body: bytes | None = None) -> Reply:
    """Make one call as `rasl.start.calling` does; raises NoAnswerError or BrokenOffError."""
    try:
        return calling.call(method, url, headers, body)
    except NotReachedError as error:
        raise NoAnswerError(
            "NO_ANSWER",
            f"Nothing answers at {error}.",
            lines=("Is `rasl serve` or `rasl sandbox` running? --url or RASL_URL names another address.",),
        ) from None
    except BrokenError as error:
        raise BrokenOffError("CONNECTION_BROKE", f"The connection to {error}.") from None


def ask_json(method: str, url: str, headers: Mapping[str, str], value: Any = None) -> Reply:
    """Make one call with a JSON body, or without any."""
    own, body = as_json(value)
    return call(method, url, {"accept": "application/json", **own, **headers}, body)
