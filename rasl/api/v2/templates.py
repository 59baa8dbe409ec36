"""Templates: listing, reading, fetching from Meta, and submitting to it (api-v2 section 5)."""

from typing import Any

import msgspec
from litestar import delete, get, patch, post
from litestar.params import FromPath, JSONBody
from litestar.types import ASGIApp

from rasl.api import listing
from rasl.api.caller import MayDeleteTemplates, MayReadTemplates, MaySyncTemplates, MayWriteTemplates
from rasl.api.operations import Create, DeleteTemplate, ListTemplates
from rasl.api.v2 import template_schemas as schemas
from rasl.api.v2.template_schemas import (
    ChangeTemplate,
    CreateTemplate,
    LintTemplate,
    PreviewTemplate,
    item_of,
)
from rasl.services.templates import sync, templates
from rasl.services.templates.templates import TEMPLATE_LIST, Submission
from rasl.web.context import iso
from rasl.web.envelope import success
from rasl.web.request import ApiRequest


@get(
    "/templates",
    summary="List templates",
    description=schemas.LIST,
    operation_class=ListTemplates,
    responses=schemas.LIST_RESPONSES,
    tags=["Templates"],
)
async def list_templates(caller: MayReadTemplates, request: ApiRequest) -> ASGIApp:
    """Return one page of the tenant's templates."""
    query = listing.read_query(request.scope["query_string"], TEMPLATE_LIST)
    page = await templates.list_templates(request.resources.database, caller.tenant.id, query)
    items = [listing.select_fields(item_of(row), query.fields) for row in page.rows]
    return success(request, schemas.LISTED, items, listing.read_pagination(query, page))


@get(
    "/templates/{template_id:str}",
    summary="Get a template",
    description="By WhatsApp's id of it, or by the id here when no template has that one.",
    responses=schemas.GET_RESPONSES,
    tags=["Templates"],
)
async def get_template(template_id: FromPath[str], caller: MayReadTemplates, request: ApiRequest) -> ASGIApp:
    """Return one template of the tenant."""
    row = await templates.get_template(request.resources.database, caller.tenant.id, template_id)
    return success(request, schemas.FOUND, item_of(row))


@post(
    "/templates/sync",
    status_code=200,
    summary="Fetch the templates from WhatsApp",
    description=schemas.SYNC,
    operation_class=Create,
    responses=schemas.SYNC_RESPONSES,
    tags=["Templates"],
)
async def sync_templates(caller: MaySyncTemplates, request: ApiRequest) -> ASGIApp:
    """Read every template of the tenant's business accounts."""
    synced = await sync.sync(request.resources, caller.tenant.id)
    request.context.is_stored = True
    data = schemas.TemplatesSynced(
        synced=synced.synced,
        created=synced.created,
        updated=synced.updated,
        deleted=synced.deleted,
        synced_at=iso(synced.synced_at) or "",
    )
    return success(request, schemas.SYNCED, data)


@post(
    "/templates",
    summary="Create a template",
    description=schemas.CREATE,
    operation_class=Create,
    responses=schemas.CREATE_RESPONSES,
    tags=["Templates"],
)
async def create_template(
    data: JSONBody[CreateTemplate], caller: MayWriteTemplates, request: ApiRequest
) -> ASGIApp:
    """Submit a template to Meta."""
    submission = msgspec.structs.replace(_submission(data), sample_media_id=data.header_sample_media_id)
    row = await templates.create_template(request.resources, caller.tenant.id, data.waba_id, submission)
    request.context.is_stored = True
    return success(request, schemas.CREATED, item_of(row), status=201)


@patch(
    "/templates/{template_id:str}",
    summary="Change a template",
    description=schemas.CHANGE,
    responses=schemas.CHANGE_RESPONSES,
    tags=["Templates"],
)
async def change_template(
    template_id: FromPath[str], data: JSONBody[ChangeTemplate], caller: MayWriteTemplates, request: ApiRequest
) -> ASGIApp:
    """Submit a change of a template to Meta."""
    given = {name: getattr(data, name) for name in data.__struct_fields__}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    sample_id = changes.pop("header_sample_media_id", None)
    row = await templates.edit_template(request.resources, caller.tenant.id, template_id, changes, sample_id)
    return success(request, schemas.CHANGED, item_of(row))


@delete(
    "/templates/{template_id:str}",
    status_code=200,
    summary="Delete a template",
    description=schemas.DELETE,
    operation_class=DeleteTemplate,
    responses=schemas.DELETE_RESPONSES,
    tags=["Templates"],
)
async def delete_template(
    template_id: FromPath[str], caller: MayDeleteTemplates, request: ApiRequest
) -> ASGIApp:
    """Delete a template at Meta and here."""
    pairs = dict(listing.read_pairs(request.scope["query_string"]))
    is_every_language = pairs.get("all_languages", "").lower() in {"true", "1"}
    await templates.delete_template(
        request.resources, caller.tenant.id, template_id, is_every_language=is_every_language
    )
    return success(request, schemas.DELETED, None)


@post(
    "/templates/lint",
    status_code=200,
    summary="Check a template without submitting it",
    description=schemas.LINT,
    responses=schemas.LINT_RESPONSES,
    tags=["Templates"],
)
async def lint_template(
    data: JSONBody[LintTemplate],
    caller: MayReadTemplates,  # noqa: ARG001 - asks for the scope
    request: ApiRequest,
) -> ASGIApp:
    """Say what Meta would refuse about a template."""
    report = templates.lint(_submission(data))
    result = {"is_valid": not report.problems, **msgspec.structs.asdict(report)}
    return success(request, schemas.LINTED, result)


@post(
    "/templates/{template_id:str}/preview",
    status_code=200,
    summary="Preview a template",
    description=schemas.PREVIEW,
    responses=schemas.PREVIEW_RESPONSES,
    tags=["Templates"],
)
async def preview_template(
    template_id: FromPath[str], data: JSONBody[PreviewTemplate], caller: MayReadTemplates, request: ApiRequest
) -> ASGIApp:
    """Show a template with values in place."""
    shown = await templates.preview(request.resources.database, caller.tenant.id, template_id, data.values)
    return success(request, schemas.PREVIEWED, shown)


HANDLERS = (
    list_templates,
    get_template,
    sync_templates,
    create_template,
    change_template,
    delete_template,
    lint_template,
    preview_template,
)


def _submission(data: LintTemplate) -> Submission:
    return Submission(
        name=data.name,
        language=data.language,
        category=data.category,
        components=data.components,
        parameter_format=data.parameter_format,
        message_send_ttl_seconds=data.message_send_ttl_seconds,
    )
