"""What of a draft goes out into a conversation: content or fallback, with merge fields filled, and to which address."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rasl.db.pool import Row
from rasl.domain import admission, attributes
from rasl.domain.admission import Thread
from rasl.domain.contact_names import known_name
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.template import Template
from rasl.errors import ApiError, ValidationFailed
from rasl.services.composing.draft import Draft


def choose_content(draft: Draft, thread: Thread, now: dt.datetime) -> tuple[Content, ApiError | None]:
    """Return what would go out, the fallback where the service window is closed, and why it must not, if so."""
    content = draft.content
    is_open = admission.is_window_open(thread.window_expires_at, now)
    if draft.fallback is not None and content.needs_window and not is_open:
        content = draft.fallback
    refusal = admission.refusal(draft.tenant, thread, needs_window=content.needs_window, now=now)
    if refusal is None and draft.reply and draft.reply.conversation_id != thread.conversation_id:
        refusal = ValidationFailed({"context": ["The message belongs to another conversation"]})
    if refusal is None and draft.conversation_id not in {None, thread.conversation_id}:
        refusal = ValidationFailed({"message_id": ["The message belongs to another conversation"]})
    return content, refusal


def fill(content: Content, contact: Row | Mapping[str, Any]) -> Content:
    """Replace merge fields by what the contact has; raises ValidationFailed."""
    if not content.needs_rendering():
        return content
    try:
        return content.rendered(_merge_values(contact))
    except ValidationFailed as error:
        if not isinstance(content, Template) or content.instead_of is None:
            raise
        # The fields are those of the template that stands in, which the send may not even have named.
        raise ValidationFailed(
            {f"fallback_template.{field}": texts for field, texts in error.details.items()}
        ) from None


def thread_of(row: Row) -> Thread:
    """Read a conversation with its contact."""
    return Thread(
        conversation_id=row["conversation_id"],
        contact_id=row["contact_id"],
        is_opted_out=row["is_opted_out"],
        window_expires_at=row["window_expires_at"],
        counted_until=row["counted_until"],
        pair_tat=row["pair_tat"],
    )


def _merge_values(row: Row | Mapping[str, Any]) -> dict[str, str | None]:
    return {
        "contact_first_name": known_name(row["firstname"], row["phone"]),
        "contact_last_name": row["lastname"],
        "contact_email": row["email"],
        "contact_phone": row["phone"],
        **attributes.merge_values(row["attributes"]),
    }


def peer_of(draft: Draft, row: Row | None) -> str:
    """Return where the message goes: the phone as understood, else the contact's own, else its BSUID."""
    if draft.phone is not None:
        return draft.phone.digits
    peer: str | None = row["address"] if row else None
    if not peer:
        raise ValidationFailed({"phone": ["Phone number is required: the contact has none"]})
    return peer
