"""Accepting messages: recipient, limits and the durable row, for many sends in one transaction.

A place is the position of a draft among those that are accepted together. Whoever refuses or stores one writes so into
`answers` under its place, and what has an answer is not looked at again.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from rasl import clock
from rasl.db import idempotency, recipients, unsent
from rasl.db import messages as message_rows
from rasl.db.contacts import CONFLICTS
from rasl.db.pool import Database, Db, Row
from rasl.domain import admission
from rasl.domain.admission import Thread
from rasl.domain.message_types.base import Content
from rasl.domain.months import month_of
from rasl.errors import ApiError, FeatureLimitExceeded, IdempotencyInProgress, NotFound, ServiceUnavailable
from rasl.services.composing import filling
from rasl.services.composing.draft import Draft
from rasl.services.contacts import profiles
from rasl.services.contacts.profiles import Stranger
from rasl.services.otp.intents import Guard, NewOtp
from rasl.services.sending.lanes import lane_of
from rasl.services.sending.work import Accepted

_Answers = dict[int, Accepted | Exception]


class InDoubt(ServiceUnavailable):
    """The connection broke while the message was committed: transaction `xid` stored it as `accepted`, or did not.

    Whoever waits for it must not send it before that is known.
    """

    def __init__(self, accepted: Accepted, xid: str) -> None:
        super().__init__()
        self.accepted = accepted
        self.xid = xid


async def accept(
    database: Database, drafts: Sequence[Draft], lease: dt.timedelta
) -> list[Accepted | Exception]:
    """Commit the drafts that may go out, in one transaction; the others get the reason, and nothing of them stays."""
    try:
        return await _accept(database, drafts, lease)
    except CONFLICTS:
        # A contact was deleted after it was found; nothing is stored, and the second look sees that it is gone.
        return await _accept(database, drafts, lease)


async def _accept(
    database: Database, drafts: Sequence[Draft], lease: dt.timedelta
) -> list[Accepted | Exception]:
    answers: _Answers = {}
    xid: str | None = None
    try:
        async with database.transaction() as db:
            xid = await _write(db, drafts, answers, lease)
    except ServiceUnavailable:
        if xid is None:
            raise  # it broke before the commit was asked for: nothing is stored
        answers |= {place: InDoubt(it, xid) for place, it in answers.items() if isinstance(it, Accepted)}
    return [answers[place] for place in range(len(drafts))]


async def _write(db: Db, drafts: Sequence[Draft], answers: _Answers, lease: dt.timedelta) -> str | None:
    """Write everything; returns the transaction's number when something was stored."""
    _refuse_not_included(drafts, answers)
    held = await _without_lost_keys(db, drafts, answers)
    guard = await _guard(db, drafts, held, answers)
    rows = await _resolve(db, drafts, [place for place in held if place not in answers], answers)
    entries = _admissible(drafts, rows, answers)
    counted = await _count_conversations(db, drafts, entries, answers)
    xid = await _store(db, drafts, entries, counted, answers, lease)
    if guard is not None:
        await guard.keep(db, _stored_otps(drafts, answers))
    return xid


class _Entry(msgspec.Struct):
    """A draft on its way into the tables."""

    place: int
    thread: Thread
    content: Content
    peer: str
    now: dt.datetime


def _refuse_not_included(drafts: Sequence[Draft], answers: _Answers) -> None:
    """Refuse what the tenant may send to nobody, before anything is created for it."""
    now = clock.now()
    for place, draft in enumerate(drafts):
        if refusal := admission.not_included(draft.tenant, draft.content.type_name, now):
            answers[place] = refusal


async def _without_lost_keys(db: Db, drafts: Sequence[Draft], answers: _Answers) -> list[int]:
    """Return the places whose Idempotency-Key, if any, is still theirs."""
    keyed = [
        (place, draft.held_key)
        for place, draft in enumerate(drafts)
        if draft.held_key and place not in answers
    ]
    if keyed:
        mine = await idempotency.hold_keys(
            db, [(drafts[place].tenant.id, key.key, key.fence) for place, key in keyed]
        )
        for (place, _), is_mine in zip(keyed, mine, strict=True):
            if not is_mine:
                answers[place] = IdempotencyInProgress()
    return [place for place in range(len(drafts)) if place not in answers]


async def _guard(db: Db, drafts: Sequence[Draft], places: Sequence[int], answers: _Answers) -> Guard | None:
    """Refuse codes whose budgets are used up, before anything is created for them."""
    wishes = {place: otp for place in places if (otp := drafts[place].otp)}
    if not wishes:
        return None
    guard = await Guard.lock(db, wishes.values())
    answers.update({place: refusal for place, otp in wishes.items() if (refusal := guard.admit(otp))})
    return guard


def _stored_otps(drafts: Sequence[Draft], answers: _Answers) -> list[tuple[NewOtp, int]]:
    return [
        (otp, accepted.id)
        for place, draft in enumerate(drafts)
        if (otp := draft.otp) and isinstance(accepted := answers[place], Accepted)
    ]


async def _resolve(
    db: Db, drafts: Sequence[Draft], places: Sequence[int], answers: _Answers
) -> dict[int, Row]:
    """Return locked conversation and contact of each place, creating what sending may create."""
    addresses = [drafts[place].address() for place in places]
    found = await recipients.lock_threads(db, addresses)
    rows = {places[position]: row for position, row in found.items()}
    missing = [place for place in places if place not in rows]
    if not missing:
        return rows
    addresses = [drafts[place].address() for place in missing]
    ids = dict(zip(missing, await recipients.find_contacts(db, addresses), strict=True))
    await _create_contacts(db, drafts, ids, answers)
    keys = []
    for place in missing:
        contact_id, draft = ids[place], drafts[place]
        if contact_id is not None:
            keys.append((draft.tenant.id, draft.number.id, contact_id))
        elif place not in answers:
            answers[place] = NotFound("Contact not found")
    await recipients.open_conversations(db, keys)
    found = await recipients.lock_threads(db, addresses)
    return rows | {missing[position]: row for position, row in found.items()}


async def _create_contacts(
    db: Db, drafts: Sequence[Draft], ids: dict[int, int | None], answers: _Answers
) -> None:
    """Create a contact for each phone that nobody has, and put its id in."""
    strangers = {
        place: Stranger(draft.tenant, draft.phone, draft.profile)
        for place, contact_id in ids.items()
        if contact_id is None and (draft := drafts[place]).contact_id is None and draft.phone is not None
    }
    welcomed = await profiles.welcome(db, list(strangers.values()))
    for place, answer in zip(strangers, welcomed, strict=True):
        if isinstance(answer, ApiError):
            answers[place] = answer
        else:
            ids[place] = answer


def _admissible(drafts: Sequence[Draft], rows: dict[int, Row], answers: _Answers) -> list[_Entry]:
    """Apply opt-out and window, and fill merge fields; drafts to one conversation share its thread."""
    threads: dict[int, Thread] = {}
    entries = []
    for place in sorted(rows):
        if place in answers:
            continue
        draft, row = drafts[place], rows[place]
        thread = threads.setdefault(row["conversation_id"], filling.thread_of(row))
        try:
            content, refusal = filling.choose_content(draft, thread, row["now"])
            if refusal is not None:
                raise refusal
            entries.append(
                _Entry(place, thread, filling.fill(content, row), filling.peer_of(draft, row), row["now"])
            )
        except ApiError as error:
            answers[place] = error
    return entries


async def _count_conversations(
    db: Db, drafts: Sequence[Draft], entries: Sequence[_Entry], answers: _Answers
) -> set[int]:
    """Count new conversations against the plans; returns the conversation ids that were counted."""
    wanted: dict[int, dict[int, list[_Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in entries:
        tenant = drafts[entry.place].tenant
        if admission.opens_conversation(entry.thread, entry.now, tenant.time_zone):
            wanted[tenant.id][entry.thread.conversation_id].append(entry)
    counted: set[int] = set()
    for tenant_id, by_conversation in sorted(wanted.items()):
        first = next(iter(by_conversation.values()))[0]
        tenant = drafts[first.place].tenant
        maximum, month = tenant.plan.max_conversations, month_of(first.now, tenant.time_zone)
        granted, before = await recipients.take_conversation_places(
            db, tenant_id, month, len(by_conversation), maximum
        )
        ids = list(by_conversation)
        counted.update(ids[:granted])
        for conversation_id in ids[granted:]:
            refusal = FeatureLimitExceeded.of("conversations", before + granted, maximum)
            answers.update({entry.place: refusal for entry in by_conversation[conversation_id]})
    return counted


async def _store(
    db: Db,
    drafts: Sequence[Draft],
    entries: Sequence[_Entry],
    counted: set[int],
    answers: _Answers,
    lease: dt.timedelta,
) -> str | None:
    """Write message, job and conversation of every entry that is left; returns the transaction's number."""
    stored = [entry for entry in entries if entry.place not in answers]
    if not stored:
        return None
    intents, states = [], {}
    for entry in stored:
        draft, thread = drafts[entry.place], entry.thread
        is_new = thread.conversation_id in counted
        counted.discard(thread.conversation_id)
        due_at = admission.admit(thread, is_new_conversation=is_new, now=entry.now)
        intents.append(_intent(draft, entry, due_at))
        states[thread.conversation_id] = message_rows.ThreadState(
            draft.tenant.id, thread.conversation_id, thread.counted_until, thread.pair_tat
        )
    rows = await message_rows.insert_intents(db, intents, list(states.values()), lease)
    bindings = []
    for entry, intent, row in zip(stored, intents, rows, strict=True):
        draft = drafts[entry.place]
        answers[entry.place] = Accepted(
            tenant_id=draft.tenant.id,
            id=row["id"],
            conversation_id=entry.thread.conversation_id,
            contact_id=entry.thread.contact_id,
            peer=entry.peer,
            content=entry.content,
            created_at=row["created_at"],
            reply_to=intent.reply_to,
            is_leased=intent.due_at is None,
        )
        if draft.held_key:
            bindings.append((draft.tenant.id, draft.held_key.key, row["id"]))
    if bindings:
        await idempotency.bind_keys(db, bindings)
    with_files = [
        (drafts[entry.place].tenant.id, row["id"])
        for entry, row in zip(stored, rows, strict=True)
        if entry.content.media_ids()
    ]
    if with_files:
        await unsent.mark_untried(db, with_files)
    xid: str = rows[0]["xid"]
    return xid


def _intent(draft: Draft, entry: _Entry, due_at: dt.datetime) -> message_rows.Intent:
    is_now = due_at <= entry.now and not draft.is_async
    return message_rows.Intent(
        tenant_id=draft.tenant.id,
        conversation_id=entry.thread.conversation_id,
        number_id=draft.number.id,
        type=entry.content.type_name,
        peer=entry.peer,
        text=entry.content.preview(),
        content=entry.content.extra(),
        reply_to=draft.reply.wamid if draft.reply else None,
        request_id=draft.request_id,
        lane=lane_of(entry.content),
        due_at=None if is_now else due_at,
    )
