"""Applying what Meta posted: every entry, change, message and status, each routed by its own phone_number_id.

Everything here may run twice: unique keys decide what is new, so a crash loses nothing and doubles nothing.
"""

import datetime as dt
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from rasl import log, metrics
from rasl.db import inbound as inbound_rows
from rasl.db import ingests as ingest_rows
from rasl.db import media as media_rows
from rasl.db import recipients
from rasl.db.inbound import Consent, Opening, Stored
from rasl.db.ingests import Quarantined
from rasl.db.pool import Database, Db, Row
from rasl.db.statuses import Report
from rasl.domain import keywords, phone
from rasl.domain.admission import SERVICE_WINDOW
from rasl.domain.message_types.media import MEDIA_KINDS
from rasl.errors import ServiceUnavailable
from rasl.graph import inbound as graph_inbound
from rasl.graph.inbound import (
    AccountFailure,
    Change,
    InboundMessage,
    Malformed,
    OtherChange,
    StatusChange,
)
from rasl.sealing import Sealer
from rasl.services import challenges, people, statuses, template_notices
from rasl.services.template_notices import Notices

_MOST_FAILURES = 5
_PURGED = 5000
_WORDS_OF = frozenset({"text", "button", "interactive"})  # types in which a person says STOP
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_logger = log.get_logger()


class _Delivery(msgspec.Struct, frozen=True):
    """A raw row, parsed."""

    id: int
    app_id: int
    received_at: dt.datetime
    changes: tuple[Change, ...]


class _Letter(msgspec.Struct, frozen=True):
    """An inbound message with the number it came to."""

    tenant_id: int
    number_id: int
    message: InboundMessage
    sender: people.Sender
    sent_at: dt.datetime


async def apply_due(database: Database, sealer: Sealer, limit: int = 500) -> int:
    """Apply up to `limit` deliveries that are due and return how many were taken up.

    One transaction applies all of them. If it fails, halves are tried, down to the delivery that is to blame; that one
    is applied change by change, and what fails again is tried later and quarantined in the end.
    """
    ids: list[int] = []
    try:
        async with database.transaction() as db:
            rows = await ingest_rows.claim_due(db, limit)
            ids = [row["id"] for row in rows]
            await _apply_rows(db, sealer, rows)
    except ServiceUnavailable:
        raise
    except Exception as error:
        if not ids:
            raise
        await _divide(database, sealer, ids, error)
    return len(ids)


async def _apply_rows(db: Db, sealer: Sealer, rows: Sequence[Row]) -> None:
    deliveries = [_parsed(row) for row in rows]
    await _apply(db, sealer, deliveries)
    if deliveries:
        await ingest_rows.mark_applied(db, [item.id for item in deliveries])


async def _divide(database: Database, sealer: Sealer, ids: Sequence[int], error: Exception) -> None:
    """Find what made a batch fail, and apply the rest."""
    if isinstance(error, people.TwinsFoundError) and await _merge_twins(database, error):
        parts = [ids]
    elif len(ids) == 1:
        if not isinstance(error, _PASSING):
            await _salvage(database, sealer, ids[0], error)
        return
    else:
        _logger.warning("ingest_batch_failed", deliveries=len(ids), error=_reason(error))
        parts = [ids[: len(ids) // 2], ids[len(ids) // 2 :]]
    for part in parts:
        try:
            async with database.transaction() as db:
                await _apply_rows(db, sealer, await ingest_rows.claim_again(db, part))
        except ServiceUnavailable:
            raise
        except Exception as next_error:  # noqa: BLE001 - whatever it is, the other deliveries must not wait for it
            await _divide(database, sealer, part, next_error)


async def _merge_twins(database: Database, found: people.TwinsFoundError) -> bool:
    """Merge pairs of contacts; returns whether any of them was still a pair."""
    try:
        return any([await people.merge(database, *pair) for pair in found.pairs])
    except _PASSING:
        return False


async def _salvage(database: Database, sealer: Sealer, ingest_id: int, error: Exception) -> None:
    """Apply the changes of one delivery each for itself; those that fail are tried later, at last quarantined."""
    async with database.transaction() as db:
        rows = await ingest_rows.claim_again(db, [ingest_id])
        if not rows:
            return
        delivery, failures = _parsed(rows[0]), rows[0]["failures"] + 1
        failed: list[Quarantined] = []
        for change in delivery.changes:
            try:
                async with db.transaction():
                    await _apply(db, sealer, [msgspec.structs.replace(delivery, changes=(change,))])
            except Exception as reason:  # noqa: BLE001 - the neighbours of a bad change are applied all the same
                failed.append(_quarantined(delivery.app_id, change, _reason(reason)))
        if failed and failures < _MOST_FAILURES:
            await ingest_rows.put_off(db, ingest_id, failures, dt.timedelta(minutes=2 ** (failures - 1)))
        else:
            if failed:
                await ingest_rows.quarantine(db, failed)
                metrics.APPLIED.labels("quarantined").inc(len(failed))
            await ingest_rows.mark_applied(db, [ingest_id])
    _logger.warning("ingest_failed", ingest_id=ingest_id, failures=failures, error=_reason(error))


def _parsed(row: Row) -> _Delivery:
    changes: Sequence[Change]
    try:
        changes = graph_inbound.parse(row["body"])
    except ValueError as error:
        text = row["body"].decode(errors="replace").replace("\x00", "\ufffd")
        changes = [Malformed(str(error), text)]
    return _Delivery(row["id"], row["app_id"], row["received_at"], tuple(changes))


async def _apply(db: Db, sealer: Sealer, deliveries: Sequence[_Delivery]) -> None:
    """Apply messages first, then statuses: nobody's words wait for ticks."""
    wanted = {
        change.phone_number_id
        for delivery in deliveries
        for change in delivery.changes
        if isinstance(change, InboundMessage | StatusChange)
    }
    numbers = await ingest_rows.route(db, sorted(wanted)) if wanted else {}
    letters: list[_Letter] = []
    reports: list[Report] = []
    set_aside: list[Quarantined] = []
    for delivery in deliveries:
        for change in delivery.changes:
            problem = _problem(delivery.app_id, change, numbers)
            if problem:
                set_aside.append(_quarantined(delivery.app_id, change, problem))
            elif isinstance(change, InboundMessage):
                letters.append(_letter(change, numbers[change.phone_number_id], delivery.received_at))
            elif isinstance(change, StatusChange):
                number = numbers[change.phone_number_id]
                reports.append(_report(sealer, change, number, delivery.received_at))
            elif not template_notices.is_notice(change):
                # Applied in later versions: until then the raw row stays, and can be applied again.
                metrics.APPLIED.labels("other").inc()
    if letters:
        await _store(db, sealer, letters)
    if reports:
        await statuses.apply(db, reports)
    await _apply_notices(db, deliveries)
    if set_aside:
        await ingest_rows.quarantine(db, set_aside)
        metrics.APPLIED.labels("quarantined").inc(len(set_aside))


async def _apply_notices(db: Db, deliveries: Sequence[_Delivery]) -> None:
    notices: Notices = [
        (delivery.app_id, change, delivery.received_at)
        for delivery in deliveries
        for change in delivery.changes
        if isinstance(change, OtherChange) and template_notices.is_notice(change)
    ]
    if notices:
        await template_notices.apply(db, notices)


def _problem(app_id: int, change: Change, numbers: dict[str, Row]) -> str | None:
    """Say why a change must not be applied, or return None."""
    if isinstance(change, Malformed):
        return change.reason
    if isinstance(change, OtherChange | AccountFailure):
        return None
    number = numbers.get(change.phone_number_id)
    if number is None:
        return "no connected number has this phone_number_id"
    if number["app_id"] != app_id:
        # One customer's app must not be able to speak for another customer's number.
        return "the number is connected through another Meta app"
    if isinstance(change, InboundMessage) and change.is_group:
        return "group messages are not supported yet"
    return None


def _letter(change: InboundMessage, number: Row, received_at: dt.datetime) -> _Letter:
    tenant_id = number["tenant_id"]
    sender = people.sender_of(tenant_id, change)
    # A time from the future would hold the service window open.
    sent_at = min(change.timestamp or received_at, received_at)
    return _Letter(tenant_id, number["id"], change, sender, sent_at)


def _report(sealer: Sealer, change: StatusChange, number: Row, received_at: dt.datetime) -> Report:
    tenant_id = number["tenant_id"]
    failure = change.errors[0] if change.errors else None
    return Report(
        tenant_id=tenant_id,
        wamid=change.wamid,
        status=change.status.value,
        occurred_at=change.timestamp or received_at,
        message_id=sealer.read_opaque(tenant_id, change.opaque) if change.opaque else None,
        wa_id=change.recipient_wa_id,
        code=failure.code if failure else None,
        title=failure.title if failure else None,
        details=(failure.details or failure.message) if failure else None,
        pricing=change.pricing,
    )


async def _store(db: Db, sealer: Sealer, letters: Sequence[_Letter]) -> None:
    """Store messages that are new, with their contacts and conversations.

    The order of locks is that of accepting messages: known conversations, plan counters, aliases, new conversations.
    """
    distinct = {(item.tenant_id, item.message.wamid): item for item in reversed(letters)}
    # Ids follow Meta's clock, because that is how messages of one moment are sorted.
    ordered = sorted(distinct.items(), key=lambda item: item[1].sent_at)
    message_ids = await inbound_rows.take_wamids(db, [key for key, _ in ordered])
    new = [item for key, item in ordered if key in message_ids]
    if not new:
        return
    persons = await people.find(db, [item.sender for item in new])
    conversations = await inbound_rows.lock_conversations(db, _keys(new, persons))
    strangers = [person for person in persons if person.contact_id is None]
    if strangers:
        await people.create(db, strangers)
    keys = _keys(new, persons)
    missing = [key for key in keys if key not in conversations]
    if missing:
        await recipients.open_conversations(db, missing)
        conversations |= await inbound_rows.lock_conversations(db, missing)
    stored = [
        _stored(item, message_ids[item.tenant_id, item.message.wamid], conversations[key])
        for item, key in zip(new, keys, strict=True)
    ]
    await inbound_rows.insert_messages(db, stored, _openings(stored))
    if files := [
        (item.tenant_id, item.message_id, letter.number_id)
        for letter, item in zip(new, stored, strict=True)
        if item.type in MEDIA_KINDS
    ]:
        await media_rows.enqueue_downloads(db, files)
    wishes = _wishes(new, persons)
    if wishes:
        await inbound_rows.change_consent(db, wishes)
    await challenges.match(db, sealer, _shown_codes(new, persons, message_ids))
    metrics.APPLIED.labels("message").inc(len(new))


def _keys(letters: Sequence[_Letter], persons: Sequence[people.Person]) -> list[tuple[int, int, int]]:
    return [
        (item.tenant_id, item.number_id, person.contact_id)
        for item, person in zip(letters, persons, strict=True)
        if person.contact_id is not None
    ]


def _stored(item: _Letter, message_id: int, conversation_id: int) -> Stored:
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
    letters: Sequence[_Letter], persons: Sequence[people.Person], message_ids: dict[tuple[int, str], int]
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


def _wishes(letters: Sequence[_Letter], persons: Sequence[people.Person]) -> list[Consent]:
    """Return the last STOP or START of each contact."""
    latest: dict[tuple[int, int], Consent] = {}
    for item, person in zip(letters, persons, strict=True):
        word = keywords.consent_of(item.message.text) if item.message.type in _WORDS_OF else None
        if word is None or person.contact_id is None:
            continue
        latest[item.tenant_id, person.contact_id] = Consent(
            item.tenant_id, person.contact_id, word == "stop", item.sent_at
        )
    return list(latest.values())


def _quarantined(app_id: int, change: Change, reason: str) -> Quarantined:
    raw: Any = change.raw if isinstance(change, Malformed) else msgspec.to_builtins(change)
    phone_number_id = None if isinstance(change, Malformed) else change.phone_number_id
    return Quarantined(app_id, phone_number_id, reason, raw)


def _reason(error: Exception) -> str:
    """Name an error in one line, without the values that PostgreSQL adds in further lines."""
    first = str(error).splitlines()[0] if str(error) else ""
    return log.redact(f"{type(error).__name__}: {first}"[:300])
