"""Requests whose bodies are read by our own validation."""

from typing import Any

from litestar import Request

from rasl.api.context import Context, context_of
from rasl.domain import validation
from rasl.errors import UnsupportedMediaType
from rasl.services.engine import Engine


class ApiRequest(Request[Any, Any, Any]):
    """A request that knows its context, and decodes JSON into the `data` type of its route."""

    @property
    def context(self) -> Context:
        """Return what travels with this request."""
        return context_of(self.scope)

    @property
    def engine(self) -> Engine:
        """Return the sending side of this process."""
        engine: Engine = self.app.state.engine
        return engine

    async def body(self) -> bytes:
        """Return the body; an empty one reads as an empty object, so that missing fields are named."""
        return await super().body() or b"{}"

    async def json(self) -> Any:
        """Decode the body; raises UnsupportedMediaType, InvalidJson or ValidationFailed."""
        content_type = self.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise UnsupportedMediaType(details={"content_type": content_type[:100]})
        data_field = self.route_handler.parsed_data_field
        raw = await self.body()
        return validation.read(data_field.annotation, raw)  # type: ignore[union-attr]
