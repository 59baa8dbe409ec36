"""Numbers: the WhatsApp numbers that messages go out from and come in to."""

from typing import Annotated

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody

from rasl.api.audit import actor_of
from rasl.api.caller import Requires
from rasl.api.nouns import Noun, from_row
from rasl.api.v2.number_schemas import (
    CONNECT_EXAMPLE,
    CONNECTED_EXAMPLE,
    EXAMPLE,
    ChangeNumber,
    ConnectedNumber,
    ConnectNumber,
    NumberItem,
)
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Caller
from rasl.errors import NotFound, ResourceConflict, WhatsAppFailed
from rasl.services.inbound.changes import CHANGES
from rasl.services.tenancy import connecting
from rasl.services.tenancy.connecting import NUMBER_LIST, Wish
from rasl.services.tenancy.numbers import Connection
from rasl.web.request import ApiRequest

MayRead = Annotated[Caller, Requires("numbers:read")]
MayWrite = Annotated[Caller, Requires("numbers:write")]
NUMBERS = Noun(
    "/numbers",
    Tag("Numbers", "The WhatsApp numbers that messages go out from and come in to."),
    "number",
    NumberItem,
    EXAMPLE,
)


@NUMBERS.get_list(NUMBER_LIST)
async def list_numbers(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List numbers.

    First connected first, those that are disconnected too. What Meta never told is null.
    """
    return await connecting.list_numbers(request.resources.database, caller.tenant.id, query)


@NUMBERS.post(
    "",
    201,
    WhatsAppFailed,
    says="Number connected successfully",
    tells="What was connected, and what to enter at Meta.",
    example=CONNECTED_EXAMPLE,
    asks={"number": CONNECT_EXAMPLE},
)
async def connect_number(
    data: JSONBody[ConnectNumber], caller: MayWrite, request: ApiRequest
) -> ConnectedNumber:
    """Connect a number.

    Or renew its credentials. Meta is asked about them first: what it refuses is a 422 with its own words and the cure,
    and nothing is stored. The account is subscribed then, so that messages arrive, and with `app_id` the app calls
    `callback_url` for `fields`, in place of the address it had; `to_do` tells what is left to do at Meta. A number that
    was disconnected goes on with what waits for it.
    """
    given = Connection(
        data.waba_id, data.phone_number_id, data.access_token, data.app_secret, data.verify_token
    )
    fields = list(CHANGES)
    done = await connecting.connect(
        request.resources,
        caller.tenant.id,
        Wish(given, data.app_id, fields, data.subscribe),
        actor_of(request),
    )
    return from_row(
        ConnectedNumber,
        done.row,
        callback_url=done.callback_url,
        fields=fields,
        is_subscribed=done.is_subscribed,
        is_app_subscribed=done.is_app_subscribed,
        to_do=done.to_do,
    )


@NUMBERS.get("/{phone_number_id:str}", NotFound)
async def get_number(phone_number_id: FromPath[str], caller: MayRead, request: ApiRequest) -> Row:
    """Get a number.

    By WhatsApp's id of it.
    """
    database = request.resources.database
    return await connecting.get_number(database, caller.tenant.id, read_meta_id(phone_number_id))


@NUMBERS.patch(
    "/{phone_number_id:str}",
    NotFound,
    ResourceConflict,
    WhatsAppFailed,
    asks={"default": {"is_default": True}},
)
async def change_number(
    phone_number_id: FromPath[str], data: JSONBody[ChangeNumber], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a number.

    Another access token, about which Meta is asked first, or `is_default`: sends go out from this one unless they name
    another. In force everywhere within a second.
    """
    return await connecting.change_number(
        request.resources,
        caller.tenant.id,
        read_meta_id(phone_number_id),
        None if data.access_token is msgspec.UNSET else data.access_token,
        actor_of(request),
        make_default=data.is_default is True,
    )


@NUMBERS.delete(
    "/{phone_number_id:str}", NotFound, says="Number disconnected successfully", tells="It is disconnected."
)
async def disconnect_number(phone_number_id: FromPath[str], caller: MayWrite, request: ApiRequest) -> None:
    """Disconnect a number.

    Its credentials are forgotten; its messages stay readable, and what waits for it waits until it is connected again.
    """
    await connecting.disconnect(
        request.resources, caller.tenant.id, read_meta_id(phone_number_id), actor_of(request)
    )


def read_meta_id(text: str) -> str:
    """Return an id of Meta's; what cannot be one becomes an empty text, which nothing has."""
    return text if text.isascii() and text.isdecimal() and len(text) <= 32 else ""


HANDLERS = (list_numbers, connect_number, get_number, change_number, disconnect_number)
