"""Applying what Meta posted: every entry, change, message and status, each routed by its own phone_number_id.

Everything here may run twice: unique keys decide what is new, so a crash loses nothing and doubles nothing. Whatever a
delivery does, it fails alone: it is put off, at last set aside, and no other waits for it.
"""

import datetime as dt
from collections.abc import Sequence

import asyncpg
import msgspec

from rasl import clock, log, metrics
from rasl.db import ingests as ingest_rows
from rasl.db.ingests import Quarantined
from rasl.db.pool import Database, Db, Row
from rasl.errors import ServiceUnavailable
from rasl.graph.changes import Arrived, Change, Malformed, Refused
from rasl.graph.storable import storable
from rasl.sealing import Sealer
from rasl.services.contacts import people
from rasl.services.inbound import changes
from rasl.services.inbound.changes import Apply

_MOST_FAILURES = 5
_PAUSE = dt.timedelta(minutes=1)
# A fault that passes by itself, such as a lock held too long, is no reason to set a delivery aside.
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
_SHORT_PAUSE = dt.timedelta(seconds=1)
_LOCK_SECONDS = 1.0
_LOCK_SECONDS_AGAIN = 0.25
_STATEMENT_SECONDS = 10.0
# So long one step looks for what is to blame; then the other apps have their turn.
_SEARCH_SECONDS = 1.0
_LONGEST_ID = 64
_logger = log.get_logger()


_Told = tuple[Apply, Arrived[Change]]


async def apply_due(database: Database, sealer: Sealer, limit: int = 500) -> int:
    """Apply up to `limit` deliveries that are due and return how many were taken up.

    One transaction applies all of them. If it fails, each app's are tried by themselves, then halves of those of the
    app in trouble, down to the delivery that is to blame; that one is applied change by change, and what fails again
    is tried later and quarantined in the end.
    """
    claimed: dict[int, list[int]] = {}
    try:
        async with database.transaction() as db:
            await ingest_rows.limit_waits(db, _LOCK_SECONDS, _STATEMENT_SECONDS)
            rows = await ingest_rows.claim_due(db, limit)
            for row in rows:
                claimed.setdefault(row["app_id"], []).append(row["id"])
            await _apply_rows(db, sealer, rows)
    except ServiceUnavailable:
        raise
    except Exception as error:
        if not claimed:
            raise
        await _divide(database, sealer, claimed, error)
    return sum(map(len, claimed.values()))


async def _apply_rows(db: Db, sealer: Sealer, rows: Sequence[Row]) -> None:
    """Apply deliveries; those that cannot even be read are put off without troubling the others."""
    told: list[_Told] = []
    failed: dict[int, Exception] = {}
    for row in rows:
        try:
            told += _told(row)
        except Exception as error:  # noqa: BLE001 - whatever a body does to whoever reads it
            failed[row["id"]] = error
    failed |= await _apply(db, sealer, told)
    for ingest_id, problem in failed.items():
        await _put_off(db, ingest_id, problem)
    if applied := [row["id"] for row in rows if row["id"] not in failed]:
        await ingest_rows.mark_applied(db, applied)


async def _divide(
    database: Database, sealer: Sealer, claimed: dict[int, list[int]], error: Exception
) -> None:
    """Find what made a batch fail, and apply the rest."""
    _logger.warning("ingest_batch_failed", apps=len(claimed), error=_reason(error))
    troubled: list[tuple[list[int], Exception]] = []
    for ids in claimed.values():
        problem = error if len(claimed) == 1 else await _try(database, sealer, ids)
        if problem is not None:
            troubled.append((ids, problem))
    deadline = clock.monotonic() + _SEARCH_SECONDS
    for ids, problem in troubled:
        await _search(database, sealer, ids, problem, deadline)


async def _search(
    database: Database, sealer: Sealer, ids: Sequence[int], error: Exception, deadline: float
) -> None:
    """Apply the halves of a part that failed, and theirs, until what is to blame is found or time is up.

    What is left over then is still due.
    """
    waiting: list[tuple[Sequence[int], Exception | None]] = [(ids, error)]
    has_found = False
    while waiting and not (has_found and clock.monotonic() > deadline):
        part, problem = waiting.pop()
        problem = problem or await _try(database, sealer, part)
        if problem is None:
            continue
        if isinstance(problem, people.TwinsFoundError) and await _merge_twins(database, problem):
            waiting.append((part, None))
        elif len(part) == 1:
            await _salvage(database, sealer, part[0], problem)
            has_found = True
        else:
            middle = len(part) // 2
            waiting += [(part[middle:], None), (part[:middle], None)]


async def _try(database: Database, sealer: Sealer, ids: Sequence[int]) -> Exception | None:
    """Apply deliveries in a transaction of their own; returns what went wrong."""
    try:
        async with database.transaction() as db:
            await ingest_rows.limit_waits(db, _LOCK_SECONDS_AGAIN, _STATEMENT_SECONDS)
            await _apply_rows(db, sealer, await ingest_rows.claim_again(db, ids))
    except ServiceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the other deliveries must not wait for it
        return error
    return None


async def _merge_twins(database: Database, found: people.TwinsFoundError) -> bool:
    """Merge pairs of contacts; returns whether any of them was still a pair."""
    try:
        return any([await people.merge(database, *pair) for pair in found.pairs])
    except ServiceUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - the delivery that shows them is put off then
        _logger.warning("contacts_not_merged", error=_reason(error))
        return False


async def _salvage(database: Database, sealer: Sealer, ingest_id: int, error: Exception) -> None:
    """Apply the changes of one delivery each for itself; those that fail are tried later, at last quarantined.

    If that fails too, the delivery as a whole is: its content is not looked at for that.
    """
    try:
        async with database.transaction() as db:
            await ingest_rows.limit_waits(db, _LOCK_SECONDS_AGAIN, _STATEMENT_SECONDS)
            for row in await ingest_rows.claim_again(db, [ingest_id]):
                await _apply_singly(db, sealer, row, error)
    except ServiceUnavailable:
        raise
    except Exception as second:  # noqa: BLE001 - see above
        try:
            async with database.transaction() as db:
                await _put_off(db, ingest_id, second)
        except ServiceUnavailable:
            raise
        except Exception:
            _logger.exception("ingest_not_put_off", ingest_id=ingest_id)


async def _apply_singly(db: Db, sealer: Sealer, row: Row, error: Exception) -> None:
    failed: list[tuple[Arrived[Change], Exception]] = []
    for apply, item in _told(row):
        try:
            async with db.transaction():
                problems = await _apply(db, sealer, [(apply, item)])
                failed += [(item, problem) for problem in problems.values()]
        except Exception as reason:  # noqa: BLE001 - the neighbours of a bad change are applied all the same
            failed.append((item, reason))
    if not failed:
        await ingest_rows.mark_applied(db, [row["id"]])
        _logger.warning("ingest_applied_singly", ingest_id=row["id"], error=_reason(error))
        return
    await _put_off(db, row["id"], failed[0][1], [_quarantined(Refused(*item)) for item in failed])


async def _put_off(
    db: Db, ingest_id: int, error: Exception, changes: Sequence[Quarantined] | None = None
) -> None:
    """Try a delivery again later, or set aside what fails of it: the named changes, else the whole of it."""
    reason = _reason(error)
    is_passing = isinstance(error, _PASSING)
    failures = await ingest_rows.put_off(db, ingest_id, reason, _SHORT_PAUSE if is_passing else _PAUSE)
    if failures >= _MOST_FAILURES and not is_passing:
        await _set_aside(db, ingest_id, reason, changes or ())
    _logger.warning("ingest_failed", ingest_id=ingest_id, failures=failures, error=reason)


async def _set_aside(db: Db, ingest_id: int, reason: str, changes: Sequence[Quarantined]) -> None:
    metrics.APPLIED.labels("quarantined").inc(len(changes) or 1)
    if changes:
        try:
            async with db.transaction():
                await ingest_rows.quarantine(db, changes)
                await ingest_rows.mark_applied(db, [ingest_id])
        except Exception as error:  # noqa: BLE001 - then it is set aside unread
            reason = f"{reason}; {_reason(error)}"
        else:
            return
    await ingest_rows.set_aside(db, ingest_id, reason)


def _told(row: Row) -> list[_Told]:
    return [
        (apply, Arrived(change, row["app_id"], row["id"], row["received_at"], part))
        for apply, change, part in changes.read(row["body"])
    ]


async def _apply(db: Db, sealer: Sealer, told: Sequence[_Told]) -> dict[int, Exception]:
    """Apply changes and set aside those that must not be; returns what deliveries failed of."""
    refused = await changes.apply(db, sealer, told)
    failed: dict[int, Exception] = {}
    for item in refused:
        if isinstance(item.reason, Exception):
            failed.setdefault(item.arrived.ingest_id, item.reason)
    if set_aside := [_quarantined(item) for item in refused if item.arrived.ingest_id not in failed]:
        await ingest_rows.quarantine(db, set_aside)
        metrics.APPLIED.labels("quarantined").inc(len(set_aside))
    return failed


def _quarantined(refused: Refused) -> Quarantined:
    change = refused.arrived.change
    raw = change.raw if isinstance(change, Malformed) else msgspec.to_builtins(change)
    phone_number_id = None if isinstance(change, Malformed) else change.phone_number_id
    return Quarantined(
        app_id=refused.arrived.app_id,
        ingest_id=refused.arrived.ingest_id,
        phone_number_id=phone_number_id[:_LONGEST_ID] if phone_number_id else None,
        reason=refused.reason if isinstance(refused.reason, str) else _reason(refused.reason),
        change=storable(raw),
    )


def _reason(error: Exception) -> str:
    """Name an error in one line, without the values that PostgreSQL adds in further lines."""
    first = str(error).splitlines()[0] if str(error) else ""
    return str(storable(log.redact(f"{type(error).__name__}: {first}"[:300])))
