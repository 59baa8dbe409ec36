"""What the OpenAPI document says of parameters and bodies that our own code reads instead of the framework's."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from litestar.openapi.spec import Example, Operation, Parameter, RequestBody, Schema
from litestar.openapi.spec.enums import OpenAPIType

IDEMPOTENCY_KEY = Parameter(
    name="Idempotency-Key",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255),
    description="Makes a repeated request harmless: the first answer is given again, for 24 hours.",
    required=False,
)
PREFER = Parameter(
    name="Prefer",
    param_in="header",
    schema=Schema(type=OpenAPIType.STRING, enum=["respond-async"]),
    description="`respond-async`: answer 202 at once and send in the background.",
    required=False,
)


def operation(
    *parameters: Parameter, body: RequestBody | None = None, examples: Mapping[str, Any] | None = None
) -> type[Operation]:
    """Make what the document says of a route besides what the framework sees.

    `examples` are bodies, by what they show; `body` stands in for the one that the framework would describe.
    """

    @dataclasses.dataclass
    class Described(Operation):
        """An operation with what our own code reads."""

        def __post_init__(self) -> None:
            """Add it."""
            self.parameters = [*(self.parameters or []), *parameters] or None
            self.request_body = body or self.request_body
            if isinstance(self.request_body, RequestBody) and examples:
                for content in self.request_body.content.values():
                    content.examples = {
                        name: Example(summary=name, value=value) for name, value in examples.items()
                    }

    return Described


def query_parameter(name: str, schema: Schema, description: str) -> Parameter:
    """Describe an optional parameter of a query."""
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


def include_parameter(relations: Iterable[str]) -> Parameter:
    """Describe the parameter that asks for what something refers to."""
    described = f"Comma-separated relations to return: {', '.join(relations)}."
    return query_parameter("include", Schema(type=OpenAPIType.STRING), described)
