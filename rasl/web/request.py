"""Requests whose input is read by our own validation."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from litestar import Request

from rasl.domain.validation import BodyRefused
from rasl.errors import ValidationFailed
from rasl.services.ground.callers import Callers
from rasl.services.ground.resources import Resources
from rasl.services.sending.outbox import Outbox
from rasl.web.context import Context, context_of
from rasl.web.input import input_of

Problems = dict[str, list[str]]
Objections = Mapping[str, Sequence[str] | int]
"""Problems, and beside them the ids of those who have what fields want."""
Also = Callable[["ApiRequest", Mapping[str, Any]], Awaitable[Objections]]
"""Finds out what else is wrong with a request whose body is refused, given the fields that are right."""
# The option of a route that has an `Also`, so that one answer names all that is wrong.
ALSO = "also"
# The option of a route that says how its path goes on after an id that may hold slashes, as WhatsApp's do.
ENDING = "path_ending"


class ApiRequest(Request[Any, Any, Any]):
    """A request that knows its context, and reads its input as the `data` type of its route."""

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
    def callers(self) -> Callers:
        """Return what this process remembers of callers."""
        callers: Callers = self.app.state.callers
        return callers

    @property
    def outbox(self) -> Outbox:
        """Return what this process is sending."""
        outbox: Outbox = self.app.state.outbox
        return outbox

    async def body(self) -> bytes:
        """Tell the framework that there is one: an empty body is read too, so that missing fields are named."""
        return b"{}"

    async def json(self) -> Any:
        """Read the input, whatever way it came; raises what `web/input.py` does, naming all that is wrong."""
        data_field = self.route_handler.parsed_data_field
        try:
            return await input_of(self.scope).read(self.receive, data_field.annotation)  # type: ignore[union-attr]
        except BodyRefused as error:
            also: Also | None = self.route_handler.opt.get(ALSO)
            if also is None:
                raise
            raise ValidationFailed({**await also(self, error.right), **error.details}) from None
