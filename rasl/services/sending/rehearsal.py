"""Dry runs: what a send would do, found out by the same rules without storing or sending anything."""

from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from rasl.db import recipients
from rasl.db import usage as usage_rows
from rasl.db.pool import Row
from rasl.db.usage import Counted
from rasl.domain import admission
from rasl.domain.admission import Thread
from rasl.domain.message_types.base import Content
from rasl.errors import ApiError, FeatureLimitExceeded, NotFound
from rasl.services.composing import filling
from rasl.services.composing.draft import Draft
from rasl.services.contacts import profiles
from rasl.services.contacts.profiles import Stranger
from rasl.services.ground.resources import Resources
from rasl.services.otp import intents
from rasl.services.sending import attempting

_Found = TypeVar("_Found")


class Rehearsal(msgspec.Struct):
    """What a send would do; `problems` says what speaks against it, `payload` is what WhatsApp would get."""

    would_send: bool
    problems: list[dict[str, Any]]
    number: dict[str, Any]
    phone: str | None
    contact: dict[str, Any]
    service_window: dict[str, Any]
    consent: dict[str, Any]
    plan: dict[str, Any]
    type: str
    payload: dict[str, Any] | None


async def rehearse(resources: Resources, draft: Draft) -> Rehearsal:
    """Find out what sending this draft would do; raises NotFound for a contact that does not exist."""
    async with resources.database.connection() as db:
        row = await recipients.find_thread(db, draft.address())
        usage = await usage_rows.load_usage(db, draft.tenant.id)
        blocked = await intents.rehearse(db, draft.otp) if draft.otp else None
    if row is None and draft.contact_id is not None:
        raise NotFound("Contact not found")
    problems: list[ApiError] = [blocked] if blocked else []
    now = usage.now
    thread = _thread(row)
    chosen, refusal = filling.choose_content(draft, thread, now)
    if refusal is not None:
        problems.append(refusal)
    content = _unless_refused(lambda: filling.fill(chosen, row or _new_contact(draft)), problems)
    plan = _plan(draft, row, thread, usage, problems)
    payload = None
    if content is not None and (peer := _unless_refused(lambda: filling.peer_of(draft, row), problems)):
        payload = _payload(resources, draft, content, peer)
    return Rehearsal(
        would_send=not problems,
        problems=[{"code": item.code, "message": item.message, "details": item.details} for item in problems],
        number={
            "phone_number_id": draft.number.phone_number_id,
            "display_phone_number": draft.number.display_phone_number,
        },
        phone=draft.phone.digits if draft.phone else None,
        contact={"id": thread.contact_id or None, "would_be_created": row is None},
        service_window={
            "is_open": admission.is_window_open(thread.window_expires_at, now),
            "expires_at": thread.window_expires_at and thread.window_expires_at.isoformat(timespec="seconds"),
            "policy": draft.tenant.window_policy,
        },
        consent={"is_opted_out": thread.is_opted_out},
        plan=plan,
        type=(content or draft.content).type_name,
        payload=payload,
    )


def _thread(row: Row | None) -> Thread:
    if row is not None:
        return filling.thread_of(row)
    return Thread(
        conversation_id=0,
        contact_id=0,
        is_opted_out=False,
        window_expires_at=None,
        counted_until=None,
        pair_tat=None,
    )


def _unless_refused(find: Callable[[], _Found], problems: list[ApiError]) -> _Found | None:
    """Return what is found; a refusal goes to the problems instead, so that all of them are told at once."""
    try:
        return find()
    except ApiError as error:
        problems.append(error)
        return None


def _new_contact(draft: Draft) -> dict[str, Any]:
    """Return the contact that sending would create, as merge fields see it."""
    # Without a phone it is a known contact, or nobody: NotFound has been raised then.
    assert draft.phone is not None  # noqa: S101
    return profiles.columns_of(Stranger(draft.tenant, draft.phone, draft.profile))


def _plan(
    draft: Draft, row: Row | None, thread: Thread, usage: Counted, problems: list[ApiError]
) -> dict[str, Any]:
    """Return what the plan says; a limit that is reached goes to the problems."""
    plan = draft.tenant.plan
    wanted = {
        "contacts": row is None,
        "conversations": admission.opens_conversation(thread, usage.now, draft.tenant.time_zone),
    }
    used = {"contacts": usage.contacts, "conversations": usage.conversations}
    limits = {"contacts": plan.max_contacts, "conversations": plan.max_conversations}
    if row is None and (problem := profiles.missing_defaults(draft.tenant)):
        problems.append(problem)
    for name, is_wanted in wanted.items():
        if is_wanted and 0 <= limits[name] <= used[name]:
            problems.append(FeatureLimitExceeded.of(name, used[name], limits[name]))
    return {
        "name": plan.name,
        **{
            name: {"used": used[name], "limit": limits[name], "would_count": is_wanted}
            for name, is_wanted in wanted.items()
        },
    }


def _payload(resources: Resources, draft: Draft, content: Content, peer: str) -> dict[str, Any]:
    """Return the Graph payload; files that Meta gets only when the message is sent are named instead of their ids."""
    uploaded = {media_id: f"(uploaded when sent: media {media_id})" for media_id in content.media_ids()}
    address = attempting.Address(draft.tenant.id, 0, peer, draft.reply.wamid if draft.reply else None)
    return attempting.payload(resources.sealer, address, content, uploaded)
