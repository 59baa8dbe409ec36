"""Templates: listing, reading, fetching from Meta, and submitting to it (api-v2 section 5)."""

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Schema, Tag
from litestar.openapi.spec.enums import OpenAPIType
from litestar.params import FromPath, JSONBody

from rasl.api import listing
from rasl.api.caller import MayReadTemplates, Requires
from rasl.api.nouns import Noun, from_row
from rasl.api.operations import operation, query_parameter
from rasl.api.v2 import template_schemas as schemas
from rasl.db.pool import Row
from rasl.domain.list_reading import parse
from rasl.domain.listing import ListQuery, Page
from rasl.domain.templates import definition
from rasl.domain.templates.preview import Preview, render
from rasl.domain.tenants import Caller
from rasl.errors import NotFound, ValidationFailed, WhatsAppFailed, WhatsAppNotConfigured
from rasl.services.templates import sync, templates
from rasl.services.templates.templates import TEMPLATE_LIST, Submission
from rasl.web.request import ApiRequest, Problems

MaySync = Annotated[Caller, Requires("templates:sync")]
MayWrite = Annotated[Caller, Requires("templates:write")]
MayDelete = Annotated[Caller, Requires("templates:delete")]

TEMPLATES = Noun(
    "/templates",
    Tag("Templates", "What may open a conversation, as WhatsApp approved it."),
    "template",
    schemas.TemplateItem,
    schemas.EXAMPLE,
    schemas.item_of,
)
# As many as Meta lets a business have that it did not verify; 6,000 for others would be a dozen megabytes.
# https://developers.facebook.com/docs/whatsapp/business-management-api/message-templates
_SHOWN = 250
_META = (WhatsAppNotConfigured, WhatsAppFailed)
_PENDING = msgspec.structs.replace(schemas.EXAMPLE, status="PENDING")
_ALL_LANGUAGES = query_parameter(
    "all_languages", Schema(type=OpenAPIType.BOOLEAN), "`true`: every language of the template's name."
)


@TEMPLATES.get_list(TEMPLATE_LIST)
async def list_templates(caller: MayReadTemplates, request: ApiRequest, query: ListQuery) -> Page:
    """List templates.

    Templates as WhatsApp last showed or announced them, rejected and paused ones too.
    """
    return await templates.list_templates(request.resources.database, caller.tenant.id, query)


@TEMPLATES.get("/{template_id:str}", NotFound, tells="The template.")
async def get_template(template_id: FromPath[str], caller: MayReadTemplates, request: ApiRequest) -> Row:
    """Get a template.

    By WhatsApp's id of it, or by the id here when no template has that one.
    """
    return await templates.get_template(request.resources.database, caller.tenant.id, template_id)


@TEMPLATES.post(
    "/sync",
    200,
    *_META,
    says="Templates synced successfully",
    tells="What was found, and what changed here.",
    example=schemas.TemplatesSynced(
        synced=1,
        created=1,
        updated=0,
        deleted=0,
        synced_at="2026-03-04T09:15:22+00:00",
        synced_count=1,
        templates=[schemas.EXAMPLE],
        templates_has_more=False,
    ),
)
async def sync_templates(caller: MaySync, request: ApiRequest) -> schemas.TemplatesSynced:
    """Fetch the templates from WhatsApp.

    Reads every template of the account's WhatsApp Business Accounts, page by page. Templates that are gone there
    are removed here, once the list was read to its end. It may run twice at once. Besides this, WhatsApp's own notices
    keep templates current, and the worker reads all of them every few hours.

    `templates` holds what there is now, as `GET /templates` shows it by default, up to 250 of them; where
    `templates_has_more` is true, that list has the rest.
    """
    tenant_id = caller.tenant.id
    found = await sync.sync(request.resources, tenant_id)
    query = msgspec.structs.replace(parse((), TEMPLATE_LIST), per_page=_SHOWN)
    page = await templates.list_templates(request.resources.database, tenant_id, query)
    return from_row(
        schemas.TemplatesSynced,
        msgspec.structs.asdict(found),
        synced_count=found.synced,
        templates=[schemas.item_of(row) for row in page.rows],
        templates_has_more=page.next_cursor is not None,
    )


async def _creation_problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    given = {**right, "sample_media_id": right.get("header_sample_media_id")}
    return await templates.creation_problems(request.resources, caller.tenant.id, given)


@TEMPLATES.post(
    "",
    201,
    *_META,
    also=_creation_problems,
    tells="Submitted for review.",
    example=msgspec.structs.replace(_PENDING, quality=None),
    asks={"text": schemas.ASKED},
)
async def create_template(
    data: JSONBody[schemas.CreateTemplate], caller: MayWrite, request: ApiRequest
) -> Row:
    """Create a template.

    Checks the template as `POST /templates/lint` does, submits it to WhatsApp and keeps it. It can be sent
    once its `status` is `APPROVED`; WhatsApp may choose another `category`.
    """
    submission = msgspec.structs.replace(_submission(data), sample_media_id=data.header_sample_media_id)
    return await templates.create_template(request.resources, caller.tenant.id, data.waba_id, submission)


async def _change_problems(request: ApiRequest, caller: Caller, right: Mapping[str, Any]) -> Problems:
    template_id = request.path_params["template_id"]
    row = await templates.get_template(request.resources.database, caller.tenant.id, template_id)
    return await templates.change_problems(request.resources, caller.tenant.id, row, *_changes(right))


@TEMPLATES.patch(
    "/{template_id:str}",
    NotFound,
    *_META,
    also=_change_problems,
    tells="Submitted for review.",
    example=_PENDING,
    asks={"text": {"components": schemas.ASKED["components"]}},
)
async def change_template(
    template_id: FromPath[str], data: JSONBody[schemas.ChangeTemplate], caller: MayWrite, request: ApiRequest
) -> Row:
    """Change a template.

    Replaces `components`, `category` or `message_send_ttl_seconds`; WhatsApp reviews the template again. Only
    approved, rejected and paused templates can be changed, approved ones ten times in 30 days and once a day.
    """
    changes, sample_id = _changes(msgspec.structs.asdict(data))
    return await templates.edit_template(request.resources, caller.tenant.id, template_id, changes, sample_id)


@TEMPLATES.delete(
    "/{template_id:str}", NotFound, ValidationFailed, *_META, operation=operation(_ALL_LANGUAGES)
)
async def delete_template(template_id: FromPath[str], caller: MayDelete, request: ApiRequest) -> None:
    """Delete a template.

    Deletes the template at WhatsApp and here, in its language or, with `all_languages=true`, in all of them.
    """
    is_every = listing.read_flag(request.scope["query_string"], "all_languages")
    await templates.delete_template(
        request.resources, caller.tenant.id, template_id, is_every_language=is_every
    )


@TEMPLATES.post(
    "/lint",
    200,
    stores=False,
    says="Template checked successfully",
    asks={"text": schemas.ASKED},
    tells="What was found.",
    example=schemas.Lint(
        is_valid=False,
        problems={"components.0.text": ["must not be greater than 1024 characters, it has 1031"]},
        warnings={},
    ),
)
async def lint_template(
    data: JSONBody[schemas.LintTemplate],
    caller: MayReadTemplates,  # noqa: ARG001 - asks for the scope
    request: ApiRequest,  # noqa: ARG001 - is answered
) -> schemas.Lint:
    """Check a template without submitting it.

    Says what WhatsApp would refuse (`problems`, which also stop a creation) and what its reviewers may reject
    (`warnings`), by field. Nothing is stored or submitted.
    """
    report = templates.lint(_submission(data))
    return schemas.Lint(not report.problems, report.problems, report.warnings)


@TEMPLATES.post(
    "/{template_id:str}/preview",
    200,
    NotFound,
    stores=False,
    says="Template previewed successfully",
    asks={"values": {"values": {"field_1": "Priya", "field_2": "#A-1044"}}},
    tells="The template as it is shown.",
    example=render(definition.read(schemas.EXAMPLE.components), {"field_1": "Priya"}),
)
async def preview_template(
    template_id: FromPath[str],
    data: JSONBody[schemas.PreviewTemplate],
    caller: MayReadTemplates,
    request: ApiRequest,
) -> Preview:
    """Preview a template.

    Shows the template with values for `header_field_1`, `field_1`, `button_0`, `cards.0.field_1` and so on.
    """
    return await templates.preview(request.resources.database, caller.tenant.id, template_id, data.values)


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


def _changes(given: Mapping[str, Any]) -> tuple[dict[str, Any], int | None]:
    """Return what is to change, and the file that is an example of the header."""
    changes = {name: value for name, value in given.items() if value is not None}
    sample_id: int | None = changes.pop("header_sample_media_id", None)
    return changes, sample_id


def _submission(data: schemas.LintTemplate) -> Submission:
    return msgspec.convert(data, Submission, from_attributes=True)
