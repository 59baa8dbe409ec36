"""The audit: who changed what of an account, before and after, from where."""

from typing import Annotated, Any

import msgspec
from litestar.openapi.spec import Tag

from rasl.api.caller import Requires
from rasl.api.nouns import Noun
from rasl.db.audit import AUDIT_LIST
from rasl.db.listing import fetch_page
from rasl.domain.listing import ListQuery, Page
from rasl.domain.tenants import Caller
from rasl.web.request import ApiRequest

MayRead = Annotated[Caller, Requires("audit:read")]


class AuditItem(msgspec.Struct):
    """A change: `before` and `after` hold what differs."""

    id: int
    action: str
    subject: str
    subject_id: str | None
    actor: str
    actor_type: str
    actor_id: int | None
    ip_address: str | None
    request_id: str | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    created_at: str


_EXAMPLE = {
    "id": 51,
    "action": "settings.changed",
    "subject": "settings",
    "subject_id": "17",
    "actor": "Office",
    "actor_type": "token",
    "actor_id": 4,
    "ip_address": "203.0.113.7",
    "request_id": "5f0c1d7e-2b7a-4c1d-8a55-0c8a7e1f3b90",
    "before": {"default_country": None},
    "after": {"default_country": "GB"},
    "created_at": "2026-03-04T09:15:22+00:00",
}
AUDIT = Noun("/audit", Tag("Audit", "Who changed what."), "entry", AuditItem, _EXAMPLE)


@AUDIT.get_list(AUDIT_LIST.spec)
async def list_audit(caller: MayRead, request: ApiRequest, query: ListQuery) -> Page:
    """List the audit.

    Who changed what of the account, newest first: tokens of the account, and operators of the server.
    """
    async with request.resources.database.listing() as db:
        return await fetch_page(db, AUDIT_LIST, query, caller.tenant.id)


HANDLERS = (list_audit,)
