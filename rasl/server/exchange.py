"""One request and its answer on a connection."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from rasl import log
from rasl.errors import InternalError, ServiceUnavailable
from rasl.server import refusals

_SMALL_REST = 256 * 1024
_logger = log.get_logger()


class Wire(Protocol):
    """What an exchange does with its connection when its answer broke off."""

    def abort(self) -> None:
        """Close it at once."""

    def end_with(self, answer: bytes) -> None:
        """Send these bytes, and close it."""


class Exchange(RequestResponseCycle):
    """A request on its way to the application, and the answer on its way back."""

    has_begun = False  # the application had it in hand
    is_known = False  # the application trusts the caller
    share = ""
    wire_bytes = 0  # of the body, as it travelled
    body_bytes = 0
    connection: Wire

    async def run_asgi(self, app: Any) -> None:
        """Run the application; whatever it does, the client gets an answer in the envelope or a broken one."""
        self.has_begun = True
        try:
            await app(self.scope, self.receive, self.send)
        except asyncio.CancelledError:
            # The time to end gracefully is over.
            self._break_off(ServiceUnavailable())
        except BaseException:  # also what is no Exception must not end the connection in silence
            _logger.exception("unexpected_error", path=self.scope["path"])
            self._break_off(InternalError())
        else:
            if not self.response_complete and not self.disconnected:
                _logger.error("answer_incomplete", path=self.scope["path"])
                self._break_off(InternalError())
        finally:
            self.on_response = _nothing

    def send(self, message: Any) -> Coroutine[Any, Any, None]:
        """Send a part of the answer."""
        if self.more_body and not self.response_started and self._is_rest_unwelcome():
            self.keep_alive = False
        return super().send(message)

    def abandon(self) -> None:
        """Let the application find its client gone."""
        self.disconnected = True
        self.message_event.set()

    def _is_rest_unwelcome(self) -> bool:
        """Tell whether a body that nobody wants is better cut off than taken in to keep the connection."""
        if self.waiting_for_100_continue:
            return True  # the client may send the body or leave it out: nobody knows what the next bytes are
        for name, value in self.scope["headers"]:
            if name == b"content-length":
                return int(value) - self.body_bytes > _SMALL_REST
        return True

    def _break_off(self, error: InternalError | ServiceUnavailable) -> None:
        if self.disconnected or self.response_complete:
            return
        if self.response_started:
            self.connection.abort()
            return
        self.response_started = True
        self.connection.end_with(refusals.written(error))


def _nothing() -> None:
    pass
