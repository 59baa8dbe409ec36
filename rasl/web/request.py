"""Requests whose bodies are read by our own validation."""

from typing import Any

from litestar import Request
from litestar.types import Receive

from rasl.domain import validation
from rasl.errors import PayloadTooLarge, UnsupportedMediaType
from rasl.services.ground.resources import Resources
from rasl.services.sending.outbox import Outbox
from rasl.web.context import Context, context_of

_NOTHING = b"{}"
MAX_BODY_BYTES = 1024 * 1024
# The option of a route that says how its path goes on after an id that may hold slashes, as WhatsApp's do.
ENDING = "path_ending"


class ClientGoneError(Exception):
    """The client hung up before its request was complete: there is nobody to answer."""


async def read_body(receive: Receive) -> bytes:
    """Take in a whole body; raises PayloadTooLarge, and ClientGoneError when the client hung up in the middle of it."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        size += len(message["body"])
        if size > MAX_BODY_BYTES:
            raise PayloadTooLarge(details={"maximum_bytes": MAX_BODY_BYTES})
        parts.append(message["body"])
        if not message["more_body"]:
            return parts[0] if len(parts) == 1 else b"".join(parts)


class ApiRequest(Request[Any, Any, Any]):
    """A request that knows its context, and decodes JSON into the `data` type of its route."""

    _whole: bytes | None = None

    @property
    def context(self) -> Context:
        """Return what travels with this request."""
        return context_of(self.scope)

    @property
    def resources(self) -> Resources:
        """Return what this process works with."""
        resources: Resources = self.app.state.resources
        return resources

    @property
    def outbox(self) -> Outbox:
        """Return what this process is sending."""
        outbox: Outbox = self.app.state.outbox
        return outbox

    async def body(self) -> bytes:
        """Return the body; an empty one reads as an empty object, so that missing fields are named."""
        if self._whole is None:
            self._whole = await read_body(self.receive) or _NOTHING
        return self._whole

    async def json(self) -> Any:
        """Decode the body; raises UnsupportedMediaType, InvalidJson or ValidationFailed."""
        raw = await self.body()
        header = self.context.asked.get(b"content-type", b"application/json").decode("latin-1")
        content_type = header.partition(";")[0].strip().lower()
        is_json = content_type == "application/json" or content_type.endswith("+json")
        # Some clients name a type for a body that they leave out.
        if not is_json and raw is not _NOTHING:
            raise UnsupportedMediaType(details={"content_type": content_type[:100]})
        data_field = self.route_handler.parsed_data_field
        return validation.read(data_field.annotation, raw)  # type: ignore[union-attr]
