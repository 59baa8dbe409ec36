"""Listing the templates that can carry one-time passwords."""

from rasl.db import otp_templates
from rasl.db.listing import fetch_page
from rasl.db.pool import Database
from rasl.domain.listing import Kind, ListQuery, ListSpec, Page

OTP_TEMPLATE_LIST = ListSpec(
    filters={"template_name": Kind.TEXT, "language": Kind.TEXT},
    sorts=("template_name", "created_at", "language"),
    default_sort="template_name",
)


async def list_templates(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's approved AUTHENTICATION templates."""
    async with database.listing() as db:
        return await fetch_page(db, otp_templates.SOURCE, query, tenant_id)
