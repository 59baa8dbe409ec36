"""Telling people that their message was read."""

from rasl.db.pool import Row
from rasl.errors import MessageSendFailed, ValidationFailed
from rasl.graph.client import Fetched, Refused
from rasl.services.composing.named_messages import get_message
from rasl.services.ground.resources import Resources
from rasl.services.sending.outcomes import send_failed


async def mark_read(resources: Resources, tenant_id: int, name: str, *, is_typing: bool) -> Row:
    """Show a received message as read, and perhaps that an answer is being written; returns the message.

    Only the number it came in on can do that. Raises NotFound, ValidationFailed for a message of ours,
    MessageSendFailed when Meta does not do it.
    """
    row = await get_message(resources.database, tenant_id, name)
    if row["direction"] != "inbound":
        raise ValidationFailed({"message_id": ["Only a received message can be marked as read"]})
    payload = {"messaging_product": "whatsapp", "status": "read", "message_id": row["wamid"]}
    if is_typing:
        payload["typing_indicator"] = {"type": "text"}
    number = await resources.numbers.get(tenant_id, row["number_id"])
    path = f"{number.phone_number_id}/messages"
    outcome = await resources.graph.call("POST", path, number.access_token, body=payload)
    match outcome:
        case Fetched():
            return row
        case Refused(failure=failure):
            raise send_failed("WhatsApp did not mark the message as read", failure, row["id"])
        case _:
            raise MessageSendFailed(
                f"WhatsApp did not confirm that the message is read; it may be asked again: {outcome.reason}",
                {"chat_message_id": row["id"]},
            )
