"""Templates: lists, one template, and what is submitted to Meta, checked before it goes there."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import template_lists
from rasl.db import templates as template_rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.db.templates import Account
from rasl.domain import media_formats
from rasl.domain.listing import ListQuery, Page
from rasl.domain.templates import definition, linter
from rasl.domain.templates.lint_report import Report
from rasl.domain.templates.listed import Listed
from rasl.domain.templates.preview import Preview, render
from rasl.domain.validation import read_id
from rasl.errors import NotFound, ValidationFailed, WhatsAppNotConfigured
from rasl.graph import templates as graph_templates
from rasl.graph.client import Fetched
from rasl.graph.templates import Created
from rasl.services.ground.resources import Resources
from rasl.services.media import files
from rasl.services.templates import telling
from rasl.services.templates.sync import failed, load_credentials

TEMPLATE_LIST = template_lists.LIST_SOURCE.spec
OTP_TEMPLATE_LIST = template_lists.OTP_LIST_SOURCE.spec
# An approved template's category is Meta's; after a change it is reviewed again (cloud-api section 4.3).
EDITABLE = frozenset({"APPROVED", "REJECTED", "PAUSED"})
_NO_FILE = "There is no such file"
_NO_ACCOUNT = "The account has no such WhatsApp Business Account"


class Submission(msgspec.Struct, frozen=True):
    """A template as somebody wants it to be."""

    name: str
    language: str
    category: str
    components: Sequence[Any] | None
    parameter_format: str = "POSITIONAL"
    message_send_ttl_seconds: int | None = None
    sample_media_id: int | None = None


async def list_templates(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's templates."""
    async with database.listing() as db:
        return await fetch_page(db, template_lists.LIST_SOURCE, query, tenant_id)


async def list_otp_templates(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of those that can carry one-time passwords: approved, of the category AUTHENTICATION."""
    async with database.listing() as db:
        return await fetch_page(db, template_lists.OTP_LIST_SOURCE, query, tenant_id)


async def get_template(database: Database, tenant_id: int, name: str) -> Row:
    """Return a template by Meta's id or by ours; raises NotFound."""
    async with database.connection() as db:
        row = None if "\x00" in name else await template_rows.find(db, tenant_id, name, read_id(name))
    if row is None:
        raise NotFound("Template not found")
    return row


def lint(submission: Submission) -> Report:
    """Return what Meta would refuse about a template, and what its reviewers might."""
    return linter.lint(
        name=submission.name,
        language=submission.language,
        category=submission.category,
        components=submission.components,
        parameter_format=submission.parameter_format,
        ttl_seconds=submission.message_send_ttl_seconds,
    )


async def preview(database: Database, tenant_id: int, name: str, values: Mapping[str, str]) -> Preview:
    """Show a template with values as the person would see it; raises NotFound."""
    row = await get_template(database, tenant_id, name)
    read = definition.read(row["components"], row["category"], row["parameter_format"])
    return render(read, values)


async def create_template(
    resources: Resources, tenant_id: int, waba_id: str | None, submission: Submission
) -> Row:
    """Check a template, submit it to Meta and keep it; raises ValidationFailed, WhatsAppFailed or NotConfigured."""
    given = {**msgspec.structs.asdict(submission), "waba_id": waba_id}
    if found := await creation_problems(resources, tenant_id, given):
        raise ValidationFailed(found)
    account, access_token = await _account(resources, tenant_id, waba_id)
    components = await _with_sample(
        resources, tenant_id, access_token, submission.components or (), submission.sample_media_id
    )
    wanted: dict[str, Any] = {
        "name": submission.name,
        "language": submission.language,
        "category": submission.category.upper(),
        "components": components,
        "parameter_format": submission.parameter_format.upper(),
    }
    if submission.message_send_ttl_seconds is not None:
        wanted["message_send_ttl_seconds"] = submission.message_send_ttl_seconds
    outcome = await graph_templates.create(resources.graph, account.waba_id, access_token, wanted)
    if not isinstance(outcome, Created):
        raise failed(outcome)
    assumed = graph_templates.read(
        {**wanted, "id": outcome.template_id, "status": outcome.status}
        | ({"category": outcome.category} if outcome.category else {})
    )
    return await _keep_submitted(resources, account, access_token, outcome.template_id, assumed)


async def edit_template(
    resources: Resources,
    tenant_id: int,
    name: str,
    changes: dict[str, Any],
    sample_media_id: int | None = None,
) -> Row:
    """Check a change, submit it to Meta and keep it; raises NotFound, ValidationFailed or WhatsAppFailed."""
    row = await get_template(resources.database, tenant_id, name)
    if found := await change_problems(resources, tenant_id, row, changes, sample_media_id):
        raise ValidationFailed(found)
    account, access_token = await _account(resources, tenant_id, row["waba_id"])
    if "components" in changes:
        changes["components"] = await _with_sample(
            resources, tenant_id, access_token, changes["components"], sample_media_id
        )
    outcome = await graph_templates.edit(resources.graph, row["template_id"], access_token, changes)
    if not isinstance(outcome, Fetched):
        raise failed(outcome)
    return await _keep_submitted(resources, account, access_token, row["template_id"], None)


async def delete_template(
    resources: Resources, tenant_id: int, name: str, *, is_every_language: bool
) -> None:
    """Delete a template at Meta and here, in one language or in all; raises NotFound or WhatsAppFailed."""
    row = await get_template(resources.database, tenant_id, name)
    account, access_token = await _account(resources, tenant_id, row["waba_id"])
    template_id = None if is_every_language else row["template_id"]
    outcome = await graph_templates.delete(
        resources.graph, account.waba_id, access_token, row["name"], template_id
    )
    if not isinstance(outcome, Fetched):
        raise failed(outcome)
    async with resources.database.transaction() as db:
        await template_rows.lock_accounts(db, [account])
        async with telling.told(db, [account]):
            await template_rows.remove(db, account, row["name"], template_id)
    resources.templates.forget(tenant_id)


async def _with_sample(
    resources: Resources, tenant_id: int, access_token: str, components: Sequence[Any], media_id: int | None
) -> list[Any]:
    """Give Meta an example file and name it in every header that has none."""
    if media_id is None:
        return list(components)
    row = await files.find_stored(resources, tenant_id, media_id, is_read=True)
    if row is None:
        raise ValidationFailed({"header_sample_media_id": [_NO_FILE]})
    name = media_formats.true_name(row["filename"], row["mime_type"], "sample")
    chunks = resources.media_store.stream(row["store_key"])
    handle = await graph_templates.upload_sample(
        resources.graph, access_token, chunks, row["size"], media_formats.meta_type(row["mime_type"]), name
    )
    if not isinstance(handle, str):
        raise failed(handle)
    return linter.with_handle(components, handle)


async def creation_problems(
    resources: Resources, tenant_id: int, given: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return what is wrong with the fields of a new template that are well-formed; others may be absent.

    Components are not looked at without their category: what they may hold depends on it.
    """
    has_category = given.get("category") is not None
    sample_id, waba_id = given.get("sample_media_id"), given.get("waba_id")
    submission = Submission(
        name=given.get("name") or "absent",
        language=given.get("language") or "en",
        category=given.get("category") or "UTILITY",
        components=given.get("components") if has_category else None,
        parameter_format=given.get("parameter_format") or "POSITIONAL",
        message_send_ttl_seconds=given.get("message_send_ttl_seconds") if has_category else None,
        sample_media_id=sample_id,
    )
    found = _lint_problems(submission)
    if waba_id is not None:
        credentials = await load_credentials(resources, tenant_id)
        if credentials and waba_id not in credentials:
            found["waba_id"] = [_NO_ACCOUNT]
    return found | await _sample_problems(resources, tenant_id, sample_id)


async def change_problems(
    resources: Resources,
    tenant_id: int,
    row: Row,
    changes: Mapping[str, Any],
    sample_media_id: int | None,
) -> dict[str, list[str]]:
    """Return what is wrong with a change of this template: with the template, and with each field."""
    found: dict[str, list[str]] = {}
    if row["status"] not in EDITABLE:
        found["status"] = [f"A template that is {row['status']} cannot be edited"]
    if "category" in changes and row["status"] == "APPROVED" and changes["category"] != row["category"]:
        found["category"] = ["The category of an approved template cannot be changed"]
    # Components that stay are Meta's reading of them, which Meta itself would not take: OTP buttons as URLs.
    kept = {
        key: changes.get(key, row[key])
        for key in ("category", "parameter_format", "message_send_ttl_seconds")
    }
    submission = Submission(
        name=row["name"],
        language=row["language"],
        components=changes.get("components"),
        sample_media_id=sample_media_id,
        **kept,
    )
    samples = await _sample_problems(resources, tenant_id, sample_media_id)
    return {**_lint_problems(submission), **found, **samples}


def _lint_problems(submission: Submission) -> dict[str, list[str]]:
    """Return what Meta would refuse, taking the file that is named to be uploaded already."""
    if submission.sample_media_id is not None and submission.components is not None:
        marked = linter.with_handle(submission.components, "uploaded later")
        submission = msgspec.structs.replace(submission, components=marked)
    return dict(lint(submission).problems)


async def _sample_problems(
    resources: Resources, tenant_id: int, media_id: int | None
) -> dict[str, list[str]]:
    if media_id is None or await files.find_stored(resources, tenant_id, media_id, is_read=True):
        return {}
    return {"header_sample_media_id": [_NO_FILE]}


async def _account(resources: Resources, tenant_id: int, waba_id: str | None) -> tuple[Account, str]:
    """Return a business account of the tenant, its only or first one unless named, with its access token."""
    credentials = await load_credentials(resources, tenant_id)
    if not credentials:
        raise WhatsAppNotConfigured
    chosen = waba_id or next(iter(credentials))
    if chosen not in credentials:
        raise ValidationFailed({"waba_id": [_NO_ACCOUNT]})
    return Account(tenant_id, chosen), credentials[chosen]


async def _keep_submitted(
    resources: Resources, account: Account, access_token: str, template_id: str, assumed: Listed | None
) -> Row:
    """Keep a template as Meta shows it now, or as it was sent when Meta does not show it yet."""
    async with resources.database.connection() as db:
        read_at = await template_rows.now(db)
    shown = await graph_templates.fetch(resources.graph, template_id, access_token)
    item = shown if isinstance(shown, Listed) else assumed
    if item is not None:
        async with resources.database.transaction() as db:
            await template_rows.lock_accounts(db, [account])
            async with telling.told(db, [account]):
                await template_rows.keep(db, account, [item], read_at, is_submitted=assumed is not None)
    resources.templates.forget(account.tenant_id)
    return await get_template(resources.database, account.tenant_id, template_id)
