"""Tokens of tenants for operators, who may give them everything."""

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Tag
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api.audit import actor_of
from rasl.api.nouns import Noun, from_row
from rasl.api.v2 import token_schemas
from rasl.api.v2.token_schemas import ChangeToken, CreateToken, NewToken, RotatedToken, RotateToken, TokenItem
from rasl.db import installation_lists as lists
from rasl.db import tenants as tenant_rows
from rasl.db.installation_lists import INSTALLATION, TOKENS
from rasl.db.listing import fetch_page
from rasl.db.pool import Row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.validation import read_id
from rasl.errors import NotFound, ResourceConflict, ValidationFailed
from rasl.services.operators.tenants import check_stays
from rasl.services.tenancy import tokens
from rasl.services.tenancy.tokens import Minted, Owner
from rasl.web.context import iso
from rasl.web.envelope import success, success_once
from rasl.web.request import ApiRequest, Objections

Tenant = Annotated[str, msgspec.Meta(max_length=63, description="The tenant, by its subdomain.")]


class TenantsToken(TokenItem):
    """A token of a tenant, without what opens the door."""

    tenant: str


class NewTenantsToken(NewToken, kw_only=True):
    """A token of a tenant as it is shown once: `token` is kept nowhere."""

    tenant: str


class RotatedTenantsToken(RotatedToken, kw_only=True):
    """A token of a tenant in the place of another."""

    tenant: str


class CreateTenantsToken(CreateToken, frozen=True, kw_only=True):
    """A token of a tenant to be created; left out: 60 requests a minute, no end, from everywhere."""

    tenant: Tenant


_OF_ACME = {"tenant": "acme"}
TOKEN = Noun(
    "/tokens",
    Tag("Tokens", "Who may call the API for a tenant."),
    "token",
    TenantsToken,
    token_schemas.EXAMPLE | _OF_ACME,
)
NEW = dataclasses.replace(TOKEN, item=NewTenantsToken, example=token_schemas.NEW_EXAMPLE | _OF_ACME)
ROTATED = dataclasses.replace(
    TOKEN, item=RotatedTenantsToken, example=token_schemas.ROTATED_EXAMPLE | _OF_ACME
)


async def _against_creating(request: ApiRequest, _operator: object, right: Mapping[str, Any]) -> Objections:
    problems: dict[str, Any] = {}
    owner = Owner(INSTALLATION, None, actor_of(request))
    if "tenant" in right:
        try:
            owner = await _owner_named(request, right["tenant"])
        except ValidationFailed as error:
            problems = dict(error.details)
    return problems | await tokens.find_objections(request.resources.database, owner, right)


async def _against_changing(request: ApiRequest, _operator: object, right: Mapping[str, Any]) -> Objections:
    token_id = read_id(request.path_params["token_id"])
    owner = _owner(request, await _found(request, token_id))
    return await tokens.find_objections(request.resources.database, owner, right, token_id)


@TOKEN.get_list(TOKENS.spec)
async def list_tokens(request: ApiRequest, query: ListQuery) -> Page:
    """List tokens of tenants.

    Of one with `filter[tenant]=acme`. Newest first, those that are revoked or expired too.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, TOKENS, query, INSTALLATION)


@NEW.post(
    "",
    201,
    ResourceConflict,
    stores=False,
    also=_against_creating,
    tells="What was created; `token` is shown this once, and with 200, where it was there already, not at all.",
    asks={"shop": {"tenant": "acme", "name": "Web shop", "scopes": ["messages:send", "messages:read"]}},
)
async def create_token(
    data: JSONBody[CreateTenantsToken],
    request: ApiRequest,
) -> ASGIApp:
    """Create a token for a tenant.

    The same call may be made again: where the tenant has a token of this name that works, with all that is asked for,
    it is answered, without `token`. Rotate it if its text was lost. One of this name with something else is a 409.
    """
    owner = await _owner_named(request, data.tenant)
    made = await tokens.create_named(request.resources.database, owner, data.name, _given(data))
    if isinstance(made, Minted):
        told = _shown(made.row, data.tenant)
        return success_once(request, "Token created successfully", told, {"token": made.text}, status=201)
    return success(request, "Token retrieved successfully", _shown(made, data.tenant))


@TOKEN.get("/{token_id:str}", NotFound)
async def get_token(token_id: FromPath[str], request: ApiRequest) -> Row:
    """Get a token of a tenant.

    By its id.
    """
    return await _found(request, read_id(token_id))


@TOKEN.patch(
    "/{token_id:str}",
    NotFound,
    ResourceConflict,
    also=_against_changing,
    asks={"rate": {"rate_limit_per_minute": 600}, "addresses": {"allowed_cidrs": ["203.0.113.0/24"]}},
)
async def change_token(
    token_id: FromPath[str],
    data: JSONBody[ChangeToken],
    request: ApiRequest,
) -> TenantsToken:
    """Change a token of a tenant.

    In force everywhere within a second. What is left out stays; null takes an expiry or all addresses away.
    """
    found = await _found(request, read_id(token_id))
    row = await tokens.change_token(
        request.resources.database, _owner(request, found), found["id"], _given(data)
    )
    return from_row(TenantsToken, row, tenant=found["tenant"])


@ROTATED.post(
    "/{token_id:str}/rotate",
    201,
    NotFound,
    ResourceConflict,
    stores=False,
    says="Token rotated successfully",
    tells="The new one; `token` is shown this once.",
    asks={"an_hour": {"overlap_minutes": 60}},
)
async def rotate_token(
    token_id: FromPath[str],
    data: JSONBody[RotateToken],
    request: ApiRequest,
) -> ASGIApp:
    """Rotate a token of a tenant.

    Makes a token like it, with the lifetime it was given, and lets it work on for `overlap_minutes`.
    """
    found = await _found(request, read_id(token_id))
    overlap = dt.timedelta(minutes=data.overlap_minutes)
    made = await tokens.rotate_token(request.resources.database, _owner(request, found), found["id"], overlap)
    replaces = {"id": found["id"], "expires_at": iso(made.old_expires_at)}
    told = _shown(made.row, found["tenant"]) | {"replaces": replaces}
    return success_once(request, "Token rotated successfully", told, {"token": made.text}, status=201)


@TOKEN.delete("/{token_id:str}", NotFound, says="Token revoked successfully", tells="It ended.")
async def revoke_token(token_id: FromPath[str], request: ApiRequest) -> None:
    """Revoke a token of a tenant.

    It ends everywhere within a second, for good; it stays in the list. One that is revoked stays so.
    """
    found = await _found(request, read_id(token_id))
    await tokens.revoke_token(request.resources.database, _owner(request, found), found["id"])


async def _found(request: ApiRequest, token_id: int) -> Row:
    async with request.resources.database.connection() as db:
        row = await lists.find_token(db, token_id)
    if row is None:
        raise NotFound("Token not found")
    return row


def _owner(request: ApiRequest, found: Row) -> Owner:
    return Owner(found["tenant_id"], None, actor_of(request))


async def _owner_named(request: ApiRequest, subdomain: str) -> Owner:
    return Owner(await tenant_id_of(request, subdomain), None, actor_of(request))


async def tenant_id_of(request: ApiRequest, subdomain: str) -> int:
    """Return the id of the tenant that a body names; raises ValidationFailed."""
    async with request.resources.database.connection() as db:
        found = await tenant_rows.find_tenant(db, subdomain)
    if found is None:
        raise ValidationFailed({"tenant": [f"There is no tenant {subdomain[:63]!r}"]})
    check_stays(found)
    return int(found["id"])


def _shown(row: Row, tenant: str) -> dict[str, Any]:
    return msgspec.structs.asdict(from_row(TenantsToken, row, tenant=tenant))


def _given(data: CreateToken | ChangeToken) -> dict[str, Any]:
    named = msgspec.structs.asdict(data).items()
    return {name: value for name, value in named if value is not msgspec.UNSET and name != "tenant"}


HANDLERS = (list_tokens, create_token, get_token, change_token, rotate_token, revoke_token)
