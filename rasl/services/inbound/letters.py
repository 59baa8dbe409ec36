"""Letters: inbound messages on their way into contacts and conversations, each with the number it came to."""

import datetime as dt
from collections.abc import Sequence

import msgspec

from rasl import metrics
from rasl.db import inbound as inbound_rows
from rasl.db import media as media_rows
from rasl.db import recipients
from rasl.db.inbound import Consent, Opening, Original, Stored
from rasl.db.pool import Db, Row
from rasl.domain import keywords, phone
from rasl.domain.admission import SERVICE_WINDOW
from rasl.domain.keywords import USUAL, Words
from rasl.domain.message_types.media import MEDIA_KINDS
from rasl.graph.changes import InboundMessage
from rasl.sealing import Sealer
from rasl.services.contacts import people
from rasl.services.otp import challenges

_WORDS_OF = frozenset({"text", "button", "interactive"})  # types in which a person says STOP


class Letter(msgspec.Struct, frozen=True):
    """An inbound message with the number it came to."""

    tenant_id: int
    number_id: int
    message: InboundMessage
    sender: people.Sender
    sent_at: dt.datetime
    original: str | None = None  # what Meta posted, where somebody wants that
    words: Words = USUAL  # by which a person leaves this tenant, and comes back


def letter_of(
    change: InboundMessage, number: Row, received_at: dt.datetime, original: str | None = None
) -> Letter:
    """Return a message with the number of ours and the person it belongs to."""
    tenant_id = number["tenant_id"]
    sender = people.sender_of(tenant_id, change)
    # A time from the future would hold the service window open.
    sent_at = min(change.timestamp or received_at, received_at)
    words = Words.of(number["stop_words"], number["start_words"])
    return Letter(tenant_id, number["id"], change, sender, sent_at, original, words)


async def store(db: Db, sealer: Sealer, letters: Sequence[Letter]) -> None:
    """Store messages that are new, with their contacts and conversations; given in the order in which they came.

    The order of locks is that of accepting messages: known conversations, plan counters, aliases, new conversations.
    """
    distinct: dict[tuple[int, str], Letter] = {}
    for item in letters:
        distinct.setdefault((item.tenant_id, item.message.wamid), item)
    # Ids follow Meta's clock, which has whole seconds, and within one of them the order of arrival: lists of one moment
    # are sorted by id.
    ordered = sorted(distinct.items(), key=lambda entry: entry[1].sent_at)
    message_ids = await inbound_rows.take_wamids(db, [key for key, _ in ordered])
    new = [item for key, item in ordered if key in message_ids]
    if not new:
        return
    persons = await people.find(db, [item.sender for item in new])
    conversations = await inbound_rows.lock_conversations(db, _keys(new, persons))
    if strangers := [person for person in persons if person.contact_id is None]:
        await people.create(db, strangers)
    keys = _keys(new, persons)
    if missing := [key for key in keys if key not in conversations]:
        await recipients.open_conversations(db, missing)
        conversations |= await inbound_rows.lock_conversations(db, missing)
    stored = [
        _stored(item, message_ids[item.tenant_id, item.message.wamid], conversations[key])
        for item, key in zip(new, keys, strict=True)
    ]
    originals = [
        Original(item.message_id, letter.original)
        for letter, item in zip(new, stored, strict=True)
        if letter.original is not None
    ]
    await inbound_rows.insert_messages(db, stored, _openings(stored), originals)
    if files := [
        (item.tenant_id, item.message_id, letter.number_id)
        for letter, item in zip(new, stored, strict=True)
        if item.type in MEDIA_KINDS
    ]:
        await media_rows.enqueue_downloads(db, files)
    if wishes := _wishes(new, persons):
        await inbound_rows.change_consent(db, wishes)
    await challenges.match(db, sealer, _shown_codes(new, persons, message_ids))
    metrics.APPLIED.labels("message").inc(len(new))


def _keys(letters: Sequence[Letter], persons: Sequence[people.Person]) -> list[tuple[int, int, int]]:
    return [
        (item.tenant_id, item.number_id, person.contact_id)
        for item, person in zip(letters, persons, strict=True)
        if person.contact_id is not None
    ]


def _stored(item: Letter, message_id: int, conversation_id: int) -> Stored:
    message = item.message
    return Stored(
        tenant_id=item.tenant_id,
        message_id=message_id,
        conversation_id=conversation_id,
        type=message.type,
        peer=message.sender_phone or message.sender_bsuid or "",
        text=message.text,
        content=None if message.type == "text" else message.payload.get(message.type, message.payload),
        wamid=message.wamid,
        reply_to=message.context_wamid,
        sent_at=item.sent_at,
    )


def _openings(messages: Sequence[Stored]) -> list[Opening]:
    latest: dict[int, Opening] = {}
    for item in messages:
        # Meta's own notes about a person are no message from the person.
        expires = None if item.type == "system" else item.sent_at + SERVICE_WINDOW
        known = latest.get(item.conversation_id)
        times = [moment for moment in (expires, known and known.window_expires_at) if moment]
        latest[item.conversation_id] = Opening(item.tenant_id, item.conversation_id, max(times, default=None))
    return list(latest.values())


def _shown_codes(
    letters: Sequence[Letter], persons: Sequence[people.Person], message_ids: dict[tuple[int, str], int]
) -> list[challenges.Letter]:
    """Return what people wrote, for those who wait for a code in it."""
    return [
        challenges.Letter(
            tenant_id=item.tenant_id,
            number_id=item.number_id,
            message_id=message_ids[item.tenant_id, item.message.wamid],
            contact_id=person.contact_id,
            phone=phone.match_key(item.message.sender_phone),
            text=item.message.text,
        )
        for item, person in zip(letters, persons, strict=True)
        if item.message.type == "text" and item.message.sender_phone and person.contact_id is not None
    ]


def _wishes(letters: Sequence[Letter], persons: Sequence[people.Person]) -> list[Consent]:
    """Return the last STOP or START of each contact."""
    latest: dict[tuple[int, int], Consent] = {}
    for item, person in zip(letters, persons, strict=True):
        text = item.message.text if item.message.type in _WORDS_OF else None
        word = keywords.consent_of(text, item.words)
        if word is None or person.contact_id is None:
            continue
        latest[item.tenant_id, person.contact_id] = Consent(
            item.tenant_id, person.contact_id, word == "stop", item.sent_at
        )
    return list(latest.values())
