"""Messages from people, as they are stored once Meta's webhooks are applied."""

from typing import Any

from rasl.db.pool import Database


async def receive(
    database: Database, conversation_id: int, wamid: str = "wamid.IN/BOUND+1=", **columns: Any
) -> int:
    """Store a text from the person of a conversation and return its id."""
    values = {"type": "text", "status": "received", "direction": "inbound", "text": "Hello"} | columns
    async with database.transaction() as db:
        message_id = await db.fetchval(
            """
            insert into messages (tenant_id, conversation_id, direction, type, status, peer, text, wamid)
            select tenant_id, id, $2, $3, $4, '442079460011', $5, $6 from conversations where id = $1
            returning id
            """,
            conversation_id,
            values["direction"],
            values["type"],
            values["status"],
            values["text"],
            wamid,
        )
        await db.execute(
            """
            insert into message_wamids (tenant_id, wamid, message_id)
            select tenant_id, wamid, id from messages where id = $1
            """,
            message_id,
        )
    return int(message_id)
