"""The audit of the installation: what was changed that is no tenant's, plans and admin tokens."""

import dataclasses

from rasl.api.nouns import Noun
from rasl.api.v2.audit import AUDIT
from rasl.db.audit import AUDIT_LIST
from rasl.db.installation_lists import INSTALLATION
from rasl.db.listing import fetch_page
from rasl.domain.listing import ListQuery, Page
from rasl.web.request import ApiRequest

OF_INSTALLATION: Noun = dataclasses.replace(AUDIT)


@OF_INSTALLATION.get_list(AUDIT_LIST.spec)
async def list_audit(request: ApiRequest, query: ListQuery) -> Page:
    """List the audit of the installation.

    Who changed plans and admin tokens, newest first. What was changed of a tenant is in the tenant's own audit.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, AUDIT_LIST, query, INSTALLATION)


HANDLERS = (list_audit,)
