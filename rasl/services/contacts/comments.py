"""Comments: internal notes on the conversation with a person. Never sent, never among the messages."""

import msgspec

from rasl.db import comments as rows
from rasl.db.comments import Note
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Db, Row
from rasl.domain import phone
from rasl.domain.listing import Filter, ListQuery, Page
from rasl.domain.phone import PhoneProblem, digits_of
from rasl.domain.tenants import Caller, Tenant
from rasl.errors import NotFound

DEFAULT_STATUS_MESSAGE = "Internal comment"
COMMENT_LIST = rows.LIST_SOURCE.spec


class Noted(msgspec.Struct, frozen=True):
    """Where a comment was stored."""

    comment_id: int
    conversation_id: int
    sender_id: str | None


async def list_comments(database: Database, tenant: Tenant, mobile: str, query: ListQuery) -> Page:
    """Return one page of the comments on a person; raises NotFound when there is no conversation with them."""
    async with database.connection() as db:
        conversations = await _conversations(db, tenant, mobile)
    theirs = Filter("interaction_id", "in", tuple(row["id"] for row in conversations))
    async with database.listing() as db:
        return await fetch_page(
            db, rows.LIST_SOURCE, msgspec.structs.replace(query, filters=(theirs,)), tenant.id
        )


async def add_comment(database: Database, caller: Caller, mobile: str, note: Note) -> Noted:
    """Store a comment on the latest conversation with a person; raises NotFound when there is none."""
    async with database.transaction() as db:
        conversation = (await _conversations(db, caller.tenant, mobile))[0]
        comment_id = await rows.create_comment(
            db, caller.tenant.id, conversation["id"], caller.token_id, note
        )
    return Noted(comment_id, conversation["id"], digits_of(conversation["display_phone_number"]))


async def _conversations(db: Db, tenant: Tenant, mobile: str) -> list[Row]:
    """Return the conversations with a person, known by phone or by Meta's id for who shows none; raises NotFound."""
    kinds: tuple[str, ...] = ("bsuid", "parent_bsuid")
    alias = mobile
    if not phone.is_bsuid(mobile):
        understood = phone.understand(mobile, tenant.default_country)
        if isinstance(understood, PhoneProblem):
            raise NotFound("Conversation not found")
        kinds, alias = ("phone",), understood.match_key
    found = await rows.list_conversations(db, tenant.id, kinds, alias)
    if not found:
        raise NotFound("Conversation not found")
    return found
