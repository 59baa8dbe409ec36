"""Statuses of our messages as Meta reports them: unordered, repeated, sometimes before we know the wamid ourselves."""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from rasl import metrics
from rasl.db import recipients
from rasl.db import statuses as status_rows
from rasl.db.pool import Database, Db, Row
from rasl.db.statuses import Adoption, MessageState, Report
from rasl.domain import phone
from rasl.domain.message_status import REPORTED_BY_META, MessageStatus, StatusTimes, merge, merge_times
from rasl.services.ground import cost_ledger
from rasl.services.otp import progress

PARKED_FOR = dt.timedelta(days=7)
SWEPT = dt.timedelta(minutes=5)
_BATCH = 1000
# What the message still waited for: an attempt without an answer, or its next try.
_UNSETTLED = frozenset({MessageStatus.QUEUED, MessageStatus.SENDING, MessageStatus.UNKNOWN})
_Key = tuple[int, int]
Originals = dict[tuple[int, str, str], str]
"""What Meta posted, by tenant, wamid and status, where somebody wants it as it stood there."""


async def apply(db: Db, reports: Sequence[Report], originals: Originals | None = None) -> None:
    """Keep reports and merge them into their messages; a repeated one changes nothing.

    A report that names no message of ours is parked: our own row may learn its wamid a moment later.
    """
    distinct = list({(item.tenant_id, item.wamid, item.status): item for item in reversed(reports)}.values())
    found = zip(distinct, await status_rows.resolve(db, distinct), strict=True)
    fresh = [(report, row) for report, row in found if not row["is_known"]]
    if not fresh:
        return
    await status_rows.keep(db, [(report, row["message_id"] is None) for report, row in fresh])
    known = [(report, row) for report, row in fresh if row["message_id"] is not None]
    adoptions = [
        Adoption(report.tenant_id, row["message_id"], report.wamid)
        for report, row in known
        if not row["is_linked"] or row["status"] in _UNSETTLED
    ]
    if adoptions:
        await status_rows.adopt_wamids(db, list(dict.fromkeys(adoptions)))
    by_message: dict[_Key, list[Report]] = defaultdict(list)
    for report, row in known:
        by_message[report.tenant_id, row["message_id"]].append(report)
    rows = await _lock(db, by_message)
    # Before the ledger, whose lines everybody counts on: nobody waits for a person while he holds one of them.
    await _keep_wa_ids(db, known, rows)
    await _merge(db, rows, by_message, originals or {})
    for report, _ in known:
        metrics.count_reported(report.status, report.code)
    metrics.APPLIED.labels("status").inc(len(known))
    metrics.APPLIED.labels("parked_status").inc(len(fresh) - len(known))


async def attach_parked(database: Database, wamids: Sequence[tuple[int, str]]) -> None:
    """Apply what was parked for these (tenant_id, wamid) pairs, whose message has just become known."""
    async with database.transaction() as db:
        await _attach(db, await status_rows.take_parked(db, wamids))


async def sweep_parked(database: Database, within: dt.timedelta = SWEPT) -> int:
    """Attach parked statuses whose message became known in the same moment, unseen by either side; returns how many.

    Only what was parked lately is looked at: statuses of messages that other systems sent stay parked for days.
    """
    async with database.transaction() as db:
        rows = await status_rows.take_attachable(db, within, _BATCH)
        await _attach(db, rows)
    return len(rows)


async def _attach(db: Db, rows: Sequence[Row]) -> None:
    by_message: dict[_Key, list[Report]] = defaultdict(list)
    for row in rows:
        by_message[row["tenant_id"], row["message_id"]].append(Report(**dict(row)))
    if by_message:
        await _merge(db, await _lock(db, by_message), by_message, {})
        metrics.APPLIED.labels("attached_status").inc(len(rows))


async def _lock(db: Db, keys: Collection[_Key]) -> dict[_Key, Row]:
    locked = await status_rows.lock_messages(db, list(keys))
    return {(row["tenant_id"], row["id"]): row for row in locked}


async def _merge(
    db: Db, rows: Mapping[_Key, Row], by_message: Mapping[_Key, Sequence[Report]], originals: Originals
) -> None:
    """Merge reports into their locked messages, count those in the ledger and write back what changed."""
    before = {key: _state_of(row) for key, row in rows.items()}
    after = {key: _merged(state, by_message[key]) for key, state in before.items()}
    for key, line_id in (await cost_ledger.count(db, rows, after, by_message)).items():
        after[key] = msgspec.structs.replace(after[key], cost_line_id=line_id)
    changed = [
        _with_original(state, by_message[key], originals)
        for key, state in after.items()
        if state != before[key]
    ]
    if changed:
        await status_rows.write_states(db, changed)
        await progress.record(db, [(state.tenant_id, state.message_id) for state in changed])


def _with_original(state: MessageState, reports: Sequence[Report], originals: Originals) -> MessageState:
    told = [(report.tenant_id, report.wamid, state.status) for report in reports]
    original = next((originals[name] for name in told if name in originals), None)
    return msgspec.structs.replace(state, original=original)


def _state_of(row: Row) -> MessageState:
    return MessageState(
        tenant_id=row["tenant_id"],
        message_id=row["id"],
        status=row["status"],
        wamid=row["wamid"],
        error_code=row["error_code"],
        status_message=row["status_message"],
        sent_at=row["sent_at"],
        delivered_at=row["delivered_at"],
        read_at=row["read_at"],
        failed_at=row["failed_at"],
        cost_line_id=row["cost_line_id"],
    )


def _merged(state: MessageState, reports: Sequence[Report]) -> MessageState:
    status = MessageStatus(state.status)
    times = StatusTimes(state.sent_at, state.delivered_at, state.read_at, state.failed_at)
    wamid, code, reason = state.wamid, state.error_code, state.status_message
    for report in reports:
        wamid = wamid or report.wamid
        # Meta has and had other words (deleted, warning): kept as reported, but no rung of the ladder.
        if report.status not in REPORTED_BY_META:
            continue
        reported = MessageStatus(report.status)
        times = merge_times(times, reported, report.occurred_at)
        higher = merge(status, reported)
        if higher is not status:
            # The reason belongs to the status: proof of delivery takes back that the message failed.
            status = higher
            code, reason = (report.code, _reason(report)) if higher is MessageStatus.FAILED else (None, None)
    return msgspec.structs.replace(
        state,
        status=status.value,
        wamid=wamid,
        error_code=code,
        status_message=reason,
        sent_at=times.sent_at,
        delivered_at=times.delivered_at,
        read_at=times.read_at,
        failed_at=times.failed_at,
    )


def _reason(report: Report) -> str | None:
    return ": ".join(part for part in dict.fromkeys((report.title, report.details)) if part) or None


async def _keep_wa_ids(db: Db, known: Sequence[tuple[Report, Any]], rows: dict[_Key, Row]) -> None:
    """Remember Meta's own spelling of recipients it spells differently from us."""
    spellings = []
    for report, found in known:
        row = rows.get((report.tenant_id, found["message_id"]))
        if row is None or not report.wa_id or report.wa_id == row["peer"] or not report.wa_id.isdecimal():
            continue
        # Another line altogether (the person moved) is not a spelling of this one.
        if phone.match_key(report.wa_id) == phone.match_key(row["peer"]):
            spellings.append((report.tenant_id, phone.match_key(row["peer"]), report.wa_id))
    if spellings:
        await recipients.keep_wa_ids(db, spellings)
