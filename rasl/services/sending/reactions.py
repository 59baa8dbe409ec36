"""Finding the message that a reaction belongs to."""

import datetime as dt

import msgspec

from rasl.db.pool import Database
from rasl.domain.message_types import reaction
from rasl.errors import NotFound, ValidationFailed
from rasl.services.sending import message_list


class Target(msgspec.Struct, frozen=True):
    """A message that can be reacted to, and whose it is."""

    wamid: str
    conversation_id: int
    contact_id: int | None
    number_id: int


async def find_target(database: Database, tenant_id: int, name: str, now: dt.datetime) -> Target:
    """Return a message by its id or its wamid; raises ValidationFailed when there is none to react to."""
    try:
        row = await message_list.get_message(database, tenant_id, name)
    except NotFound:
        raise _refused("The message to react to does not exist") from None
    if row["wamid"] is None:
        raise _refused("The message to react to has not reached WhatsApp")
    if reason := reaction.why_not(row["type"], now - row["created_at"]):
        raise _refused(reason)
    return Target(row["wamid"], row["conversation_id"], row["contact_id"], row["number_id"])


def _refused(reason: str) -> ValidationFailed:
    return ValidationFailed({"message_id": [reason]})
