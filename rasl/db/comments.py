"""Queries on comments: what staff notes down about a conversation."""

from collections.abc import Sequence

import msgspec

from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.domain.listing import ListSpec

LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={},
        sorts=("created_at",),
        default_sort="-created_at",
        columns={"interaction_id": "conversation_id"},
    ),
    select="""k.id, k.conversation_id, k.text, k.status_message, k.media_url, k.message_id, k.ref_message_id,
        k.created_at, n.display_phone_number""",
    tables="""comments k join conversations v on v.tenant_id = k.tenant_id and v.id = k.conversation_id
        join whatsapp_numbers n on n.tenant_id = v.tenant_id and n.id = v.number_id""",
    alias="k",
    where="k.tenant_id = $1",
    search=("k.text",),
)


class Note(msgspec.Struct, frozen=True):
    """A comment about to be stored."""

    text: str
    status_message: str
    media_url: str | None
    message_id: str | None
    ref_message_id: str | None


async def list_conversations(db: Db, tenant_id: int, kinds: Sequence[str], alias: str) -> list[Row]:
    """Return the conversations with whoever has this alias of one of these kinds, the liveliest first."""
    return await db.fetch(
        """
        select v.id, n.display_phone_number
        from conversations v
        join whatsapp_numbers n on n.tenant_id = v.tenant_id and n.id = v.number_id
        where v.tenant_id = $1 and v.contact_id in (
            select contact_id from contact_aliases where tenant_id = $1 and kind = any($2::text[]) and value = $3
        )
        order by v.last_message_at desc, v.id desc
        """,
        tenant_id,
        kinds,
        alias,
    )


async def create_comment(db: Db, tenant_id: int, conversation_id: int, token_id: int, note: Note) -> int:
    """Store a comment and return its id."""
    value: int = await db.fetchval(
        """
        insert into comments (tenant_id, conversation_id, token_id, text, status_message, media_url, message_id,
                              ref_message_id)
        values ($1, $2, $3, $4, $5, $6, $7, $8) returning id
        """,
        tenant_id,
        conversation_id,
        token_id,
        *msgspec.structs.astuple(note),
    )
    return value
