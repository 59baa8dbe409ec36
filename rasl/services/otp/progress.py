"""What becomes of the messages that carry one-time passwords, told as events: each thing once."""

from collections.abc import Sequence
from typing import Any

from rasl.db import otps as otp_rows
from rasl.db.pool import Db, Row
from rasl.domain.events import Event
from rasl.domain.message_status import MessageStatus
from rasl.services.ground import events

_ARRIVED = frozenset({MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.PLAYED})
# What each status of a message tells of the password in it.
_EVENTS = {
    "otp.sent": _ARRIVED | {MessageStatus.SENT},
    "otp.delivered": _ARRIVED,
    "otp.failed": {MessageStatus.FAILED},
}


async def record(db: Db, keys: Sequence[tuple[int, int]]) -> None:
    """Tell how the messages, given as (tenant_id, message_id), stand now, in the transaction that moved them.

    Messages without a password are passed over.
    """
    rows = await otp_rows.list_by_messages(db, sorted(set(keys))) if keys else []
    await events.record_many(db, [(row["tenant_id"], event) for row in rows for event in _events(row)])


def _events(row: Row) -> list[Event]:
    status = MessageStatus(row["status"])
    names = [name for name, statuses in _EVENTS.items() if status in statuses]
    return [
        Event(type=name, id=str(row["id"]), attributes=attributes(row), once=str(row["id"])) for name in names
    ]


def attributes(row: Row) -> dict[str, Any]:
    """Return what an event says about a password and its message."""
    return {
        "otp_id": str(row["id"]),
        "phone": row["phone"],
        "purpose": row["purpose"],
        "template_name": row["template_name"],
        "language": row["language"],
        "expires_at": row["expires_at"].isoformat(),
        "message": {
            "id": row["message_id"],
            "message_id": row["wamid"],
            "status": row["status"],
            "error_code": row["error_code"],
            "reason": row["status_message"],
        },
    }
