"""Tokens: who may call the API, what for, how often, until when and from where."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api.audit import actor_of
from rasl.api.caller import Requires
from rasl.api.nouns import Noun, from_row
from rasl.api.v2.token_schemas import (
    EXAMPLE,
    NEW_EXAMPLE,
    ROTATED_EXAMPLE,
    ChangeToken,
    CreateToken,
    NewToken,
    RotatedToken,
    RotateToken,
    TokenItem,
)
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Caller
from rasl.domain.validation import read_id
from rasl.errors import NotFound, ResourceConflict
from rasl.services.tenancy import tokens
from rasl.services.tenancy.tokens import TOKEN_LIST, Owner
from rasl.web.context import iso
from rasl.web.envelope import success_once
from rasl.web.request import ApiRequest, Objections

MayRead = Annotated[Caller, Requires("tokens:read")]
MayWrite = Annotated[Caller, Requires("tokens:write")]
TOKENS = Noun(
    "/tokens",
    Tag("Tokens", "Who may call the API, what for, how often, until when and from where."),
    "token",
    TokenItem,
    EXAMPLE,
)
# What is shown once.
NEW = dataclasses.replace(TOKENS, item=NewToken, example=NEW_EXAMPLE)
ROTATED = dataclasses.replace(TOKENS, item=RotatedToken, example=ROTATED_EXAMPLE)


async def _against_creating(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    return await tokens.find_objections(request.resources.database, _owner(request, caller), right)


async def _against_changing(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Objections:
    token_id = read_id(request.path_params["token_id"])
    return await tokens.find_objections(request.resources.database, _owner(request, caller), right, token_id)


@TOKENS.get_list(TOKEN_LIST)
async def list_tokens(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List tokens.

    Newest first, those that are revoked or expired too; of what opens the door only the last four characters.
    """
    return await tokens.list_tokens(request.resources.database, caller.tenant.id, query)


@NEW.post(
    "",
    201,
    also=_against_creating,
    tells="What was created; `token` is shown this once.",
    asks={
        "for_sending": {"name": "Shop", "scopes": ["messages:send", "messages:read"]},
        "guarded": {
            "name": "Reports",
            "scopes": ["contacts:read"],
            "rate_limit_per_minute": 30,
            "allowed_cidrs": ["203.0.113.0/24", "2001:db8::/32"],
        },
    },
)
async def create_token(data: JSONBody[CreateToken], caller: MayWrite, request: ApiRequest) -> ASGIApp:
    """Create a token.

    It is shown by this answer only: what an `Idempotency-Key` brings back is without `token`. A token can never create
    one with more than it has: of its scopes, its rate, its lifetime and its addresses. What is left out is as it is of
    the token that calls; the rate is 60 then, or less where that has less.
    """
    minted = await tokens.create_token(
        request.resources.database, _owner(request, caller), data.name, _given(data)
    )
    request.context.is_stored = True
    shown = msgspec.structs.asdict(from_row(TokenItem, minted.row))
    return success_once(request, "Token created successfully", shown, {"token": minted.text}, status=201)


@TOKENS.get("/{token_id:str}", NotFound)
async def get_token(token_id: FromPath[str], caller: MayRead, request: ApiRequest) -> Row:
    """Get a token.

    By its id.
    """
    return await tokens.get_token(request.resources.database, caller.tenant.id, read_id(token_id))


@TOKENS.patch(
    "/{token_id:str}",
    NotFound,
    ResourceConflict,
    also=_against_changing,
    asks={"name": {"name": "Shop, old"}, "addresses": {"allowed_cidrs": ["203.0.113.0/24"]}},
)
async def change_token(
    token_id: FromPath[str], data: JSONBody[ChangeToken], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a token.

    In force everywhere within a second. What is left out stays; null takes an expiry or all addresses away. Taking
    something from a token is free; a token that is given something must not have more than the one that calls. A
    revoked one cannot be changed.
    """
    return await tokens.change_token(
        request.resources.database, _owner(request, caller), read_id(token_id), _given(data)
    )


@ROTATED.post(
    "/{token_id:str}/rotate",
    201,
    NotFound,
    ResourceConflict,
    says="Token rotated successfully",
    tells="The new one; `token` is shown this once.",
    asks={"a_day": {"overlap_minutes": 1440}},
)
async def rotate_token(
    token_id: FromPath[str], data: JSONBody[RotateToken], caller: MayWrite, request: ApiRequest
) -> ASGIApp:
    """Rotate a token.

    Makes a token like it, with the lifetime it was given, and lets it work on for `overlap_minutes`, so that programs
    can be moved one by one. The token must not have more than the one that calls, and neither does the new one live
    longer than that: a token that expires cannot prolong itself.
    """
    overlap = dt.timedelta(minutes=data.overlap_minutes)
    minted = await tokens.rotate_token(
        request.resources.database, _owner(request, caller), read_id(token_id), overlap
    )
    request.context.is_stored = True
    replaces = {"id": read_id(token_id), "expires_at": iso(minted.old_expires_at)}
    shown = {**msgspec.structs.asdict(from_row(TokenItem, minted.row)), "replaces": replaces}
    return success_once(request, "Token rotated successfully", shown, {"token": minted.text}, status=201)


@TOKENS.delete("/{token_id:str}", NotFound, says="Token revoked successfully", tells="It ended.")
async def revoke_token(token_id: FromPath[str], caller: MayWrite, request: ApiRequest) -> None:
    """Revoke a token.

    It ends everywhere within a second, for good; it stays in the list, for the record. A token can revoke any of its
    account, itself too.
    """
    await tokens.revoke_token(request.resources.database, _owner(request, caller), read_id(token_id))


def _owner(request: ApiRequest, caller: Caller) -> Owner:
    return Owner(caller.tenant.id, caller.token_id, actor_of(request))


def _given(data: CreateToken | ChangeToken) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}


HANDLERS = (list_tokens, create_token, get_token, change_token, rotate_token, revoke_token)
