"""Messages as callers name them, by our id or by their wamid: to read one, to quote it, or to react to it."""

import datetime as dt

from rasl.db import messages as rows
from rasl.db.pool import Database, Row
from rasl.domain.message_types import reaction
from rasl.domain.validation import read_id
from rasl.errors import NotFound, ValidationFailed
from rasl.services.composing.draft import Reply


class Target(Reply, frozen=True):
    """A message that can be reacted to, and whose it is."""

    contact_id: int | None


async def get_message(database: Database, tenant_id: int, name: str) -> Row:
    """Return a message by its id or its wamid; raises NotFound."""
    message_id = read_id(name) or None
    is_canonical = message_id is None or str(message_id) == name
    if not (is_canonical and (message_id or name.startswith("wamid."))) or "\x00" in name:
        raise NotFound("Message not found")
    async with database.connection() as db:
        row = await rows.find_message(db, tenant_id, message_id, name)
    if row is None:
        raise NotFound("Message not found")
    return row


async def find_reply(database: Database, tenant_id: int, name: str) -> Reply:
    """Return the message that one answers; raises ValidationFailed."""
    row = await _get_delivered(database, tenant_id, name, "context", "reply to")
    return Reply(row["wamid"], row["conversation_id"], row["number_id"])


async def find_target(database: Database, tenant_id: int, name: str, now: dt.datetime) -> Target:
    """Return the message that one reacts to; raises ValidationFailed when WhatsApp would not show the reaction."""
    row = await _get_delivered(database, tenant_id, name, "message_id", "react to")
    if reason := reaction.why_not(row["type"], now - row["created_at"]):
        raise ValidationFailed({"message_id": [reason]})
    return Target(row["wamid"], row["conversation_id"], row["number_id"], row["contact_id"])


async def _get_delivered(database: Database, tenant_id: int, name: str, field: str, does: str) -> Row:
    """Return a message that WhatsApp knows, too; raises ValidationFailed for the field that named it."""
    try:
        row = await get_message(database, tenant_id, name)
    except NotFound:
        raise ValidationFailed({field: [f"The message to {does} does not exist"]}) from None
    if row["wamid"] is None:
        raise ValidationFailed({field: [f"The message to {does} has not reached WhatsApp"]})
    return row
