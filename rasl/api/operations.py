"""OpenAPI operations whose parameters are read by our own grammar instead of the framework's."""

import dataclasses

from litestar.openapi.spec import Operation

from rasl.api.listing import parameters
from rasl.services.reading import MESSAGE_LIST


@dataclasses.dataclass
class ListMessages(Operation):
    """Documents the list parameters of messages."""

    def __post_init__(self) -> None:
        """Add the parameters of the list grammar."""
        self.parameters = [*(self.parameters or []), *parameters(MESSAGE_LIST)]
