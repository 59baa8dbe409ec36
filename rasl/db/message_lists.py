"""Where the list of messages comes from."""

from collections.abc import Sequence
from typing import Any

from rasl.db.list_lookups import looked_up
from rasl.db.listing import ListSource
from rasl.db.pool import Db
from rasl.domain.listing import Kind, ListQuery, ListSpec

LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={
            "type": Kind.TEXT,
            "status": Kind.TEXT,
            "interaction_id": Kind.INTEGER,
            "direction": Kind.TEXT,
            "contact_id": Kind.INTEGER,
            "phone": Kind.PHONE,
            "message_id": Kind.MESSAGE,
            "created_at": Kind.MOMENT,
            "updated_at": Kind.MOMENT,
        },
        sorts=("created_at", "updated_at"),
        default_sort="-created_at",
        columns={
            "interaction_id": "conversation_id",
            "contact_id": "v.contact_id",
            "phone": "peer",
            "message_id": "id",
        },
    ),
    select="""m.id, m.conversation_id, m.direction, m.peer, m.type, m.text, m.status, m.wamid, m.sent_at, m.created_at,
        m.updated_at, m.body_dropped_at, n.display_phone_number""",
    tables="""messages m join conversations v on v.tenant_id = m.tenant_id and v.id = m.conversation_id
        join whatsapp_numbers n on n.tenant_id = v.tenant_id and n.id = v.number_id""",
    alias="m",
    where="m.tenant_id = $1",
    search=("m.text",),
    is_search_indexed=True,
)


async def with_ids(db: Db, tenant_id: int, query: ListQuery) -> ListQuery:
    """Return a query that asks by ids of ours for what it asked by contacts, phones and ids of WhatsApp's.

    A contact's messages are those of its conversations, of which an index has them in order.
    """
    query = await looked_up(db, tenant_id, query, "contact_id", "interaction_id", list_conversations)
    query = await looked_up(db, tenant_id, query, "phone", "interaction_id", list_conversations_by_phone)
    return await looked_up(db, tenant_id, query, "message_id", "message_id", list_ids)


async def list_conversations(db: Db, tenant_id: int, contact_ids: Sequence[int]) -> list[int]:
    """Return the ids of the conversations with contacts."""
    rows = await db.fetch(
        "select id from conversations where tenant_id = $1 and contact_id = any($2::bigint[]) order by id",
        tenant_id,
        contact_ids,
    )
    return [row["id"] for row in rows]


async def list_conversations_by_phone(db: Db, tenant_id: int, match_keys: Sequence[str]) -> list[int]:
    """Return the ids of the conversations with whoever has these phones."""
    rows = await db.fetch(
        """
        select id from conversations where tenant_id = $1 and contact_id = any(array(
            select contact_id from contact_aliases
            where tenant_id = $1 and kind = 'phone' and value = any($2::text[])))
        order by id
        """,
        tenant_id,
        match_keys,
    )
    return [row["id"] for row in rows]


async def list_ids(db: Db, tenant_id: int, names: Sequence[Any]) -> list[int]:
    """Return our ids of messages that are named by them, or by WhatsApp's."""
    rows = await db.fetch(
        "select message_id from message_wamids where tenant_id = $1 and wamid = any($2::text[])",
        tenant_id,
        [name for name in names if isinstance(name, str)],
    )
    return sorted({*(name for name in names if isinstance(name, int)), *(row["message_id"] for row in rows)})
