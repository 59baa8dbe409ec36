"""WhatsApp numbers of tenants for operators."""

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from rasl.api.admin.tokens import Tenant, tenant_id_of
from rasl.api.audit import actor_of
from rasl.api.nouns import Noun, from_row
from rasl.api.v2 import number_schemas
from rasl.api.v2.number_schemas import ChangeNumber, ConnectedNumber, ConnectNumber, NumberItem
from rasl.api.v2.numbers import connected, read_meta_id
from rasl.db import installation_lists as lists
from rasl.db.installation_lists import INSTALLATION, NUMBERS
from rasl.db.listing import fetch_page
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.errors import NotFound, ResourceConflict, WhatsAppFailed
from rasl.services.tenancy import connecting
from rasl.web.request import ApiRequest


class TenantsNumber(NumberItem):
    """A WhatsApp number of a tenant, as it is stored and as Meta last told of it."""

    tenant: str


class ConnectedTenantsNumber(ConnectedNumber):
    """A number of a tenant that was connected, with what to enter at Meta."""

    tenant: str


class ConnectTenantsNumber(ConnectNumber, frozen=True, kw_only=True):
    """A number of a tenant with the secrets it needs, as they come from Meta's pages."""

    tenant: Tenant


_OF_ACME = {"tenant": "acme"}
NUMBER = Noun(
    "/numbers",
    Tag("Numbers", "The WhatsApp numbers of tenants."),
    "number",
    TenantsNumber,
    number_schemas.EXAMPLE | _OF_ACME,
)


@NUMBER.get_list(NUMBERS.spec)
async def list_numbers(request: ApiRequest, query: ListQuery) -> Page:
    """List numbers of tenants.

    Of one with `filter[tenant]=acme`. First connected first, those that are disconnected too.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, NUMBERS, query, INSTALLATION)


@NUMBER.post(
    "",
    201,
    WhatsAppFailed,
    stores=False,
    says="Number connected successfully",
    tells="What was connected, and what to enter at Meta.",
    example=number_schemas.CONNECTED_EXAMPLE | _OF_ACME,
    asks={
        "number": {
            "tenant": "acme",
            "waba_id": "102290129340398",
            "phone_number_id": "106540352242922",
            "access_token": "EAABsbCS1iHg",
            "app_secret": "5f1c0a9e7d",
            "verify_token": "a-word-of-yours",
        }
    },
)
async def connect_number(
    data: JSONBody[ConnectTenantsNumber],
    request: ApiRequest,
) -> ConnectedTenantsNumber:
    """Connect a number to a tenant.

    Or renew its credentials: the same call may be made again. Meta is asked about them first: what it refuses is a 422
    with its own words and the cure, and nothing is stored.
    """
    made = await connected(request, await tenant_id_of(request, data.tenant), data)
    return ConnectedTenantsNumber(**msgspec.structs.asdict(made), tenant=data.tenant)


@NUMBER.get("/{phone_number_id:str}", NotFound)
async def get_number(phone_number_id: FromPath[str], request: ApiRequest) -> Row:
    """Get a number of a tenant.

    By WhatsApp's id of it.
    """
    return await _found(request, phone_number_id)


@NUMBER.patch(
    "/{phone_number_id:str}",
    NotFound,
    ResourceConflict,
    WhatsAppFailed,
    asks={"default": {"is_default": True}},
)
async def change_number(
    phone_number_id: FromPath[str],
    data: JSONBody[ChangeNumber],
    request: ApiRequest,
) -> TenantsNumber:
    """Change a number of a tenant.

    Another access token, about which Meta is asked first, or `is_default`: the tenant sends from this one unless a send
    names another. In force everywhere within a second.
    """
    found = await _found(request, phone_number_id)
    row = await connecting.change_number(
        request.resources,
        found["tenant_id"],
        found["phone_number_id"],
        None if data.access_token is msgspec.UNSET else data.access_token,
        actor_of(request),
        make_default=data.is_default is True,
    )
    return from_row(TenantsNumber, row, tenant=found["tenant"])


@NUMBER.delete(
    "/{phone_number_id:str}", NotFound, says="Number disconnected successfully", tells="It is disconnected."
)
async def disconnect_number(
    phone_number_id: FromPath[str],
    request: ApiRequest,
) -> None:
    """Disconnect a number of a tenant.

    Its credentials are forgotten; its messages stay readable, and what waits for it waits until it is connected again.
    One that is disconnected stays so.
    """
    found = await _found(request, phone_number_id)
    await connecting.disconnect(
        request.resources, found["tenant_id"], found["phone_number_id"], actor_of(request)
    )


async def _found(request: ApiRequest, phone_number_id: str) -> Row:
    async with request.resources.database.connection() as db:
        row = await lists.find_number(db, read_meta_id(phone_number_id))
    if row is None:
        raise NotFound("Number not found")
    return row


HANDLERS = (list_numbers, connect_number, get_number, change_number, disconnect_number)
