"""OpenAPI operations whose parameters are read by our own code instead of the framework's."""

import dataclasses

from litestar.openapi.spec import Operation, Parameter, Schema
from litestar.openapi.spec.enums import OpenAPIType

from rasl.api.listing import parameters
from rasl.services.reading import MESSAGE_LIST

_IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
    description="Makes a repeated request harmless: the first answer is given again, for 24 hours.",
    required=False,
)
_PREFER = Parameter(
    name="Prefer",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, enum=["respond-async"]),
    description="`respond-async`: answer 202 at once and send in the background.",
    required=False,
)
_INCLUDE_TIMELINE = Parameter(
    name="include",
    param_in="query",
    schema=Schema(type=OpenAPIType.STRING, enum=["timeline"]),
    description="`timeline`: every step of the message.",
    required=False,
)


@dataclasses.dataclass
class SendMessage(Operation):
    """Documents the headers of a send."""

    def __post_init__(self) -> None:
        """Add them."""
        self.parameters = [*(self.parameters or []), _IDEMPOTENCY_KEY, _PREFER]


@dataclasses.dataclass
class ListMessages(Operation):
    """Documents the list parameters of messages."""

    def __post_init__(self) -> None:
        """Add them."""
        self.parameters = [*(self.parameters or []), *parameters(MESSAGE_LIST)]


@dataclasses.dataclass
class GetMessage(Operation):
    """Documents what can be included."""

    def __post_init__(self) -> None:
        """Add it."""
        self.parameters = [*(self.parameters or []), _INCLUDE_TIMELINE]
