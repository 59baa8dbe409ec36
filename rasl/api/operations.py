"""What the OpenAPI document says of parameters and bodies that our own code reads instead of the framework's."""

import dataclasses
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

from litestar.openapi.spec import Operation, Parameter, Schema
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
    schema=Schema(type=OpenAPIType.STRING),
    description="`respond-async`: answer 202 at once and send in the background. `handling=strict`: refuse names that "
    "mean nothing here instead of ignoring them.",
    required=False,
)


@dataclasses.dataclass
class Described(Operation):
    """What the document says of a route besides what its signature tells."""

    told: ClassVar[tuple[Parameter, ...]] = ()
    after: ClassVar[Mapping[str, Any]] = {}


def operation(*parameters: Parameter, after: Mapping[str, Any] = MappingProxyType({})) -> type[Described]:
    """Make what the document says of a route besides what its signature tells.

    `after` are calls without which the examples cannot succeed: the body of each, by its operation.
    """
    return type("Described", (Described,), {"told": parameters, "after": after})


def query_parameter(name: str, schema: Schema, description: str) -> Parameter:
    """Describe an optional parameter of a query."""
    return Parameter(name=name, param_in="query", schema=schema, description=description, required=False)


def include_parameter(relations: Iterable[str]) -> Parameter:
    """Describe the parameter that asks for what something refers to."""
    described = f"Comma-separated relations to return: {', '.join(relations)}."
    return query_parameter("include", Schema(type=OpenAPIType.STRING), described)


@dataclasses.dataclass(frozen=True)
class PathParameter:
    """A parameter of paths: what it is, and which list or creation of the API shows one that exists.

    `list` and `create` are operations, `query` goes with the list, `pointer` names the value in the `data` of
    the answer (in the first item of a list).
    """

    description: str
    schema: dict[str, Any]
    example: str | int
    pointer: str = "id"
    list: str | None = None
    query: str = ""
    create: str | None = None


_ID: dict[str, Any] = {"type": "integer", "format": "int64", "minimum": 1}
_TEXT: dict[str, Any] = {"type": "string"}
_RECEIVED = "filter[direction]=inbound"
PATH_PARAMETERS = {
    "contact_id": PathParameter("The contact.", _ID, 812, list="listContacts", create="createContact"),
    "group_id": PathParameter("The group.", _ID, 3, list="listGroups", create="createGroup"),
    "source_id": PathParameter("The source.", _ID, 5, list="listSources", create="createSource"),
    "status_id": PathParameter("The status.", _ID, 2, list="listStatuses", create="createStatus"),
    "webhook_id": PathParameter("The webhook.", _ID, 7, list="listWebhooks", create="createWebhook"),
    "delivery_id": PathParameter("The delivery.", _ID, 4711, list="listWebhookDeliveries"),
    "token_id": PathParameter("The token.", _ID, 4, list="listTokens", create="createToken"),
    "phone_number_id": PathParameter(
        "The number, by WhatsApp's id of it.",
        _TEXT,
        "106540352242922",
        pointer="phone_number_id",
        list="listNumbers",
        create="connectNumber",
    ),
    "media_id": PathParameter("The stored file.", _ID, 12, create="storeMedia"),
    "import_id": PathParameter("The import.", _ID, 17, list="listImports", create="importContacts"),
    "challenge_id": PathParameter(
        "The challenge.",
        _TEXT | {"format": "uuid"},
        "5b0a8a0e-6c43-4f0c-9d4b-0a6d3f9f2b11",
        create="createChallenge",
    ),
    "message_id": PathParameter(
        "The message: its id here, or WhatsApp's (`wamid.…`).",
        _TEXT,
        "9030",
        list="listMessages",
        query=_RECEIVED,
    ),
    "template_id": PathParameter(
        "The template, by WhatsApp's id of it.",
        _TEXT,
        "1689556908129840",
        pointer="template_id",
        list="listTemplates",
        query="filter[status]=APPROVED&filter[category]=UTILITY",
        create="createTemplate",
    ),
    "mobile": PathParameter(
        "A phone number in any spelling, or the `sender_id` of somebody who shows none.",
        _TEXT,
        "442079460011",
        pointer="sender_id",
        list="listMessages",
        query=_RECEIVED,
    ),
}
