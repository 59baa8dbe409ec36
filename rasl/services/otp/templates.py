"""Listing the templates that can carry one-time passwords."""

from rasl.db import template_lists
from rasl.db.listing import fetch_page
from rasl.db.pool import Database
from rasl.domain.listing import ListQuery, Page

OTP_TEMPLATE_LIST = template_lists.OTP_LIST_SOURCE.spec


async def list_templates(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of the tenant's approved AUTHENTICATION templates."""
    async with database.listing() as db:
        return await fetch_page(db, template_lists.OTP_LIST_SOURCE, query, tenant_id)
