"""Tenants for operators: created, brought to what they are to be, suspended and resumed."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar.openapi.spec import Schema, Tag
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api.admin import tenant_schemas as schemas
from rasl.api.admin.tenant_schemas import (
    ChangeTenant,
    CreateTenant,
    DeletedTenant,
    PutTenant,
    TenantDetail,
    TenantItem,
    tenant_detail,
)
from rasl.api.audit import actor_of
from rasl.api.listing import read_flag
from rasl.api.nouns import Noun
from rasl.api.operations import operation, query_parameter
from rasl.db.installation_lists import INSTALLATION, TENANTS
from rasl.db.listing import fetch_page
from rasl.domain.listing import ListQuery, Page
from rasl.domain.validation import Body
from rasl.errors import NotFound, ResourceConflict, ValidationFailed
from rasl.services.operators import provisioning
from rasl.services.operators.plans import read_moment
from rasl.services.operators.tenants import SUBDOMAIN, SUBDOMAIN_RULE
from rasl.web.envelope import success
from rasl.web.request import ApiRequest, Objections

TENANT_LIST = Noun(
    "/tenants",
    Tag("Tenants", "Customer accounts."),
    "tenant",
    TenantItem,
    schemas.EXAMPLE,
    of=schemas.tenant_item,
)
TENANT = dataclasses.replace(TENANT_LIST, item=TenantDetail, example=schemas.DETAIL_EXAMPLE, of=None)


async def _against(request: ApiRequest, _operator: object, right: Mapping[str, Any]) -> Objections:
    resources, subdomain = request.resources, request.path_params.get("subdomain", right.get("subdomain"))
    return await provisioning.find_objections(
        resources.database,
        resources.settings,
        subdomain,
        given_of(right),
        must_exist=request.method == "PATCH",
    )


@TENANT_LIST.get_list(TENANTS.spec)
async def list_tenants(request: ApiRequest, query: ListQuery) -> Page:
    """List tenants.

    Newest first, suspended ones too.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, TENANTS, query, INSTALLATION)


@TENANT.post(
    "",
    201,
    ResourceConflict,
    stores=False,
    also=_against,
    tells="What was created; with 200 it was there already, with all that was asked for.",
    asks={
        "tenant": {"subdomain": "harbour-books", "name": "Harbour Books"},
        "paid": {
            "subdomain": "corner-cafe",
            "name": "Corner Cafe",
            "plan": "free",
            "subscription_status": "active",
            "subscription_ends_at": "2036-12-31",
            "time_zone": "Europe/London",
            "limit_overrides": {"contacts": 700},
        },
    },
)
async def create_tenant(data: JSONBody[CreateTenant], request: ApiRequest) -> ASGIApp:
    """Create a tenant.

    With its first sources, contact statuses and defaults. The same call may be made again: it answers the tenant that
    is there. One whose subdomain is taken by a tenant with something else is a 409, and changes nothing.
    """
    return await _provide(request, data.subdomain, data, may_change=False)


@TENANT.get("/{subdomain:str}", NotFound)
async def get_tenant(subdomain: FromPath[str], request: ApiRequest) -> TenantDetail:
    """Get a tenant.

    With what it uses, and which of its limits are below that.
    """
    return tenant_detail(await provisioning.get_tenant(request.resources.database, subdomain))


@TENANT.put(
    "/{subdomain:str}",
    also=_against,
    asks={"tenant": {"name": "Acme Ltd", "plan": "free", "time_zone": "Europe/London"}},
)
async def put_tenant(
    subdomain: FromPath[str],
    data: JSONBody[PutTenant],
    request: ApiRequest,
) -> ASGIApp:
    """Create or change a tenant.

    Whatever there was, the tenant has what is asked for afterwards; what is left out stays, or is as usual where it is
    new.
    """
    if not SUBDOMAIN.fullmatch(subdomain):
        raise ValidationFailed({"subdomain": [f"The subdomain must be {SUBDOMAIN_RULE}"]})
    return await _provide(request, subdomain, data, may_change=True)


@TENANT.patch(
    "/{subdomain:str}",
    NotFound,
    also=_against,
    asks={
        "plan": {"plan": "unlimited"},
        "limit": {"limit_overrides": {"contacts": 700, "conversations": None}},
        "subscription": {"subscription_status": "active", "subscription_ends_at": "2036-12-31"},
    },
)
async def change_tenant(
    subdomain: FromPath[str],
    data: JSONBody[ChangeTenant],
    request: ApiRequest,
) -> TenantDetail:
    """Change a tenant.

    What is left out stays. In force everywhere within a second. A limit below what is in use is allowed, and said in
    `exceeded`: the tenant keeps what it has, and gets no more.
    """
    resources, given = request.resources, given_of(data)
    changed = await provisioning.change_tenant(
        resources.database, resources.settings, actor_of(request), subdomain, given
    )
    return tenant_detail(changed)


@TENANT.post(
    "/{subdomain:str}/suspend",
    200,
    NotFound,
    stores=False,
    says="Tenant suspended successfully",
    tells="It is suspended.",
)
async def suspend_tenant(
    subdomain: FromPath[str],
    request: ApiRequest,
) -> TenantDetail:
    """Suspend a tenant.

    Its tokens are refused and nothing is sent; what people write to it is kept. One that is suspended stays so.
    """
    return await _set_suspended(request, subdomain, is_suspended=True)


@TENANT.post(
    "/{subdomain:str}/resume",
    200,
    NotFound,
    stores=False,
    says="Tenant resumed successfully",
    tells="It goes on.",
)
async def resume_tenant(
    subdomain: FromPath[str],
    request: ApiRequest,
) -> TenantDetail:
    """Resume a tenant.

    What waited to be sent goes out. One that is active stays so.
    """
    return await _set_suspended(request, subdomain, is_suspended=False)


@TENANT.delete(
    "/{subdomain:str}",
    NotFound,
    says="Tenant is being deleted",
    tells="It is on its way out.",
    example=schemas.DELETED_EXAMPLE,
    operation=operation(
        query_parameter(
            "without_export",
            Schema(type=OpenAPIType.BOOLEAN),
            "`true`: write nothing into an archive first.",
        )
    ),
)
async def delete_tenant(subdomain: FromPath[str], request: ApiRequest) -> DeletedTenant:
    """Delete a tenant.

    For good. Everything of it is written into one archive on the server first, `export`, which `rasl restore` reads;
    then it is shut: its tokens are refused, and the worker deletes it with all that it has, `deleting` until then and a
    404 afterwards. The same call may be made again. The answer comes when the archive is written.
    """
    has_export = not read_flag(request.scope["query_string"], "without_export")
    found, path = await provisioning.delete_tenant(
        request.resources, actor_of(request), subdomain, has_export=has_export
    )
    shown = msgspec.structs.asdict(tenant_detail(found))
    return DeletedTenant(**shown, export=None if path is None else str(path))


async def _provide(request: ApiRequest, subdomain: str, data: PutTenant, *, may_change: bool) -> ASGIApp:
    resources = request.resources
    found = await provisioning.provide_tenant(
        resources.database,
        resources.settings,
        actor_of(request),
        subdomain,
        given_of(data),
        may_change=may_change,
    )
    verb, status = ("created", 201) if found.is_new else ("updated" if may_change else "retrieved", 200)
    return success(request, f"Tenant {verb} successfully", tenant_detail(found), status=status)


async def _set_suspended(request: ApiRequest, subdomain: str, *, is_suspended: bool) -> TenantDetail:
    database, actor = request.resources.database, actor_of(request)
    return tenant_detail(
        await provisioning.set_suspended(database, actor, subdomain, is_suspended=is_suspended)
    )


def given_of(data: Body | Mapping[str, Any]) -> dict[str, Any]:
    """Return what a body says, moments read."""
    given = dict(msgspec.to_builtins(data))
    if given.get("subscription_ends_at") is not None:
        given["subscription_ends_at"] = read_moment(given["subscription_ends_at"])
    return given


HANDLERS = (
    list_tenants,
    create_tenant,
    get_tenant,
    put_tenant,
    change_tenant,
    suspend_tenant,
    resume_tenant,
    delete_tenant,
)
