"""The way of every send after its body is read: commit, attempt, answer. Only the content differs."""

import datetime as dt
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
from litestar.types import ASGIApp

from rasl.api.v2.sends.documented import RESULT_TEXTS
from rasl.api.v2.sends.recipient import Recipient
from rasl.api.v2.sends.template_fields import read_wish
from rasl.domain import message_types
from rasl.domain.message_types.base import Content
from rasl.domain.message_types.template import Template
from rasl.domain.tenants import Caller
from rasl.errors import MessageSendFailed
from rasl.services.composing.addressing import Addressed, address
from rasl.services.composing.draft import Draft
from rasl.services.composing.fallback import bind_default, bind_fallback
from rasl.services.composing.named_messages import get_message
from rasl.services.contacts.profiles import NewProfile
from rasl.services.otp.intents import NewOtp
from rasl.services.sending import delivering, rehearsal
from rasl.services.sending.outcomes import send_failed
from rasl.services.sending.work import Accepted, Attempted, Message, read_message
from rasl.web.context import iso
from rasl.web.envelope import success, success_once
from rasl.web.request import ApiRequest

Describe = Callable[[Any], dict[str, Any]]
"""Returns the fields of an answer that belong to one message type, given its content."""
Since = Callable[[dt.datetime], dict[str, Any]]
"""Returns the fields of an answer that depend on when the message was stored."""


async def send(
    request: ApiRequest,
    caller: Caller,
    body: Recipient,
    content: Content,
    describe: Describe = msgspec.structs.asdict,
    profile: NewProfile | None = None,
    *,
    addressed: Addressed | None = None,
    conversation_id: int | None = None,
    otp: NewOtp | None = None,
    since: Since | None = None,
    once: Mapping[str, Any] = MappingProxyType({}),
) -> ASGIApp:
    """Commit a message, send it, and answer; with `dry_run` only say what would happen.

    `addressed` is the recipient where the content already depended on it; `conversation_id` is the only conversation
    the message may go to, if there is one; `otp` is the password that it carries.
    `once` is what this answer tells and no other.
    """
    context, outbox, tenant = request.context, request.outbox, caller.tenant
    if context.held_key is not None and (again := await answer_again(request, caller, describe, since)):
        return again
    resources = outbox.resources
    to = addressed or await address(resources, tenant, body.to())
    fallback: Template | None = None
    if body.fallback_template is None:
        fallback = await bind_default(resources, tenant, to.number, content)
    else:
        wish = read_wish(
            body.fallback_template,
            is_rehearsal=body.dry_run,
            is_strict=context.is_strict,
            prefix="fallback_template.",
        )
        composed = await bind_fallback(resources, tenant.id, to.number, content, wish)
        fallback = composed.content
        context.ignore_all(composed.surplus)
    draft = Draft(
        tenant=tenant,
        number=to.number,
        content=content,
        phone=to.phone,
        contact_id=to.contact_id,
        request_id=context.request_id,
        is_async=b"respond-async" in context.asked.get(b"prefer", b"").lower(),  # RFC 7240
        reply=to.reply,
        conversation_id=conversation_id,
        fallback=fallback,
        held_key=context.held_key,
        otp=otp,
        profile=profile,
    )
    if body.dry_run:
        rehearsed = await rehearsal.rehearse(resources, draft)
        return success(request, "Dry run: nothing was sent and nothing was stored", rehearsed)
    accepted, attempted = await delivering.send(outbox, draft)
    context.is_stored = True
    return _answer(request, draft, accepted, attempted, describe, since, once)


async def answer_again(
    request: ApiRequest, caller: Caller, describe: Describe, since: Since | None = None
) -> ASGIApp | None:
    """Answer for a message whose first request died before it could: from what is stored, sending nothing.

    None when this request holds no such message. Routes with work to do before `send` ask here first.
    """
    held = request.context.held_key
    if held is None or held.message_id is None:
        return None
    row = await get_message(request.resources.database, caller.tenant.id, str(held.message_id))
    request.context.is_stored = True
    if row["status"] == "failed":
        raise MessageSendFailed(
            f"WhatsApp refused the message: {row['status_message']}",
            {"meta_code": row["error_code"], "chat_message_id": held.message_id},
        )
    message = read_message(row)
    standing = Attempted(row["status"], row["wamid"])
    own = _own(message, describe, since)
    data = _told(message, row["contact_id"], standing, iso(row["sent_at"]), own)
    return success(request, RESULT_TEXTS.get(standing.status, RESULT_TEXTS["sent"]), data)


def described_code(content: Template) -> dict[str, Any]:
    """Return what an answer tells of the code in a message, if it has one; the code itself it tells `once` at most."""
    is_made_here = content.is_code_made_here
    return {} if is_made_here is None else {"code_auto_generated": is_made_here}


def _own(message: Message, describe: Describe, since: Since | None) -> dict[str, Any]:
    """Return what belongs to the type that was asked for, and of a template that stood in for it, which one."""
    content, later = message.content, since(message.created_at) if since else {}
    if not isinstance(content, Template) or content.instead_of is None:
        return {**describe(content), **later}
    asked = content.instead_of
    return {
        **describe(message_types.load(asked["type"], asked["text"], asked["content"])),
        "template_name": content.name,
        "language": content.language,
        "sent_as": content.type_name,
        **later,
    }


def _told(
    message: Message, contact_id: int | None, standing: Attempted, sent_at: str | None, own: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what an answer tells of a stored message, whether it was sent just now or by a request that died."""
    return {
        "message_id": standing.wamid,
        "contact_id": contact_id,
        "phone": message.peer,
        **own,
        "status": standing.status,
        "sent_at": sent_at,
        "chat_id": message.conversation_id,
        "chat_message_id": message.id,
    }


def _answer(
    request: ApiRequest,
    draft: Draft,
    accepted: Accepted,
    attempted: Attempted,
    describe: Describe,
    since: Since | None,
    once: Mapping[str, Any],
) -> ASGIApp:
    if attempted.status == "failed" and attempted.failure is not None:
        raise send_failed("WhatsApp refused the message", attempted.failure, accepted.id)
    if attempted.status == "failed":
        text = f"WhatsApp could not be reached: {attempted.reason}"
        raise MessageSendFailed(text, {"chat_message_id": accepted.id})
    sent_as = {} if draft.fallback is None else {"sent_as": accepted.content.type_name}
    sent_at = iso(accepted.created_at) if attempted.status == "sent" else None
    own = {**sent_as, **_own(accepted, describe, since)}
    data = _told(accepted, accepted.contact_id, attempted, sent_at, own)
    status = 202 if draft.is_async else 200
    return success_once(request, RESULT_TEXTS[attempted.status], data, once, status)
