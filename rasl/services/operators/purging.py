"""Retention: what is past its time goes, in batches that each commit, so that a purge may end at any point.

Each purge counts and drops by one condition. A row that leads to a file goes before the file; a file that a killed
process left without a row is found by its age. So no row leads to a file that a purge took, and no file is forgotten.
"""

import asyncio
import datetime as dt
import itertools
import re
import time
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from rasl import clock, log
from rasl.db import audit, body_purging, media_purging, message_purging, purging
from rasl.db.media_purging import Dropped
from rasl.db.pool import Database, Db
from rasl.db.purging import Amount, Kind
from rasl.db.tallies import Tally
from rasl.errors import ServiceUnavailable
from rasl.media_store.base import MediaStore, StoredFile, StoreUnavailable
from rasl.setting_names import environment_name
from rasl.settings import Settings

_ROWS = 1000  # of a batch
_MESSAGES = 500
_FILES = 100
_KEYS = 1000  # of a page of the store
_FOREVER = dt.timedelta(days=36_500)
# A file is written before its row; one that has none after this long was left by a process that was killed in between.
STRAY_AFTER = dt.timedelta(days=1)
# Whatever else lies in a folder or a bucket is none of our business.
OURS = re.compile(r"(\d{1,18})/[0-9a-f]{2}/(?:[0-9a-f]{64}(?:-[0-9A-Za-z]+)?|\.incoming-\w+)")
_logger = log.get_logger()


class Batch(msgspec.Struct, frozen=True):
    """What one batch dropped, and whether there may be more."""

    amount: Amount
    has_more: bool


class Ground(msgspec.Struct):
    """What purges work on; `behind` is the last file of the store that was looked at."""

    database: Database
    store: MediaStore
    behind: str = ""


Count = Callable[[Ground, dt.timedelta], Awaitable[Amount]]
Drop = Callable[[Ground, dt.timedelta], Awaitable[Batch]]


class Purge(msgspec.Struct, frozen=True):
    """One kind of thing that goes: after as many days as a setting says, or after a time of its own.

    `count` tells how much is older than an age, `drop` drops a batch of it.
    """

    name: str
    setting: str | None
    count: Count
    drop: Drop
    age: dt.timedelta = dt.timedelta()
    most_beside: int | None = None  # batches in one round beside other work
    is_chosen: bool = False  # by each tenant for its own data, and shorter than the server's

    def due_after(self, settings: Settings) -> dt.timedelta | None:
        """Return the age at which things go; None keeps them forever."""
        if self.setting is None:
            return self.age
        return dt.timedelta(days=getattr(settings, self.setting)) or None


def _counting(query: Callable[[Db, dt.timedelta], Awaitable[Amount]]) -> Count:
    """Return what counts by a query, which may take its time."""

    async def count(ground: Ground, age: dt.timedelta) -> Amount:
        async with ground.database.listing() as db, db.transaction():
            await purging.take_time(db)
            return await query(db, age)

    return count


def _dropping(query: Callable[[Db, dt.timedelta, int], Awaitable[Amount]]) -> Drop:
    """Return what drops a batch by one query."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            dropped = await query(db, age, _ROWS)
        return Batch(dropped, dropped.rows == _ROWS)

    return drop


def _rows(kind: Kind, setting: str | None, age: dt.timedelta = dt.timedelta()) -> Purge:
    """Return the purge of rows that go by their age and nothing else."""
    count = _counting(lambda db, age: purging.count(db, kind, age))
    drop = _dropping(lambda db, age, limit: purging.drop(db, kind, age, limit))
    return Purge(kind.name, setting, count, drop, age)


def _audit(setting: str) -> Purge:
    """Return the purge of the audit, whose rows go in a transaction that says so and in no other."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            await audit.allow_dropping(db)
            dropped = await purging.drop(db, audit.OLD, age, _ROWS)
        return Batch(dropped, dropped.rows == _ROWS)

    return Purge(audit.OLD.name, setting, _counting(lambda db, age: purging.count(db, audit.OLD, age)), drop)


def _messages(name: str, setting: str | None, *, is_chosen: bool) -> Purge:
    """Return the purge of messages by the server's time, or by the one that their tenants chose."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            dropped = await message_purging.drop(db, age, _MESSAGES, is_chosen=is_chosen)
        return Batch(dropped, dropped.rows == _MESSAGES)

    count = _counting(lambda db, age: message_purging.count(db, age, is_chosen=is_chosen))
    return Purge(name, setting, count, drop, _FOREVER if is_chosen else dt.timedelta(), is_chosen=is_chosen)


def _bodies(name: str, setting: str | None, *, is_chosen: bool) -> Purge:
    """Return the purge of what messages say, by the server's time or by the one that their tenants chose."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            return Batch(*await body_purging.drop(db, age, _MESSAGES, is_chosen=is_chosen))

    count = _counting(lambda db, age: body_purging.count(db, age, is_chosen=is_chosen))
    return Purge(name, setting, count, drop, _FOREVER if is_chosen else dt.timedelta(), is_chosen=is_chosen)


def _chosen_rows(name: str, kind: Kind) -> Purge:
    """Return the purge of rows whose tenants chose for how long they stay."""
    count = _counting(lambda db, _: purging.count_of_tenants(db, kind))
    drop = _dropping(lambda db, _, limit: purging.drop_of_tenants(db, kind, limit))
    return Purge(name, None, count, drop, is_chosen=True)


def _chosen_media(name: str, *, is_named: bool) -> Purge:
    """Return the purge of files whose tenants chose for how long they stay."""

    async def drop(ground: Ground, _age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            dropped = await media_purging.drop_of_tenants(db, _FILES, is_named=is_named)
        return await _without_files(ground, dropped)

    count = _counting(lambda db, _: media_purging.count_of_tenants(db, is_named=is_named))
    return Purge(name, None, count, drop, is_chosen=True)


def _imports(name: str, part: str, setting: str | None, age: dt.timedelta = dt.timedelta()) -> Purge:
    """Return the purge of imports and of the rows of one table that hang on them."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            old = [(row["tenant_id"], row["id"]) for row in await purging.lock_old_imports(db, part, age)]
            dropped = await purging.drop_import_parts(db, part, old, _ROWS)
            if dropped.rows < _ROWS:
                dropped += await purging.drop_imports(db, part, old)
        return Batch(dropped, bool(old))

    count = _counting(lambda db, age: purging.count_imports(db, part, age))
    return Purge(name, setting, count, drop, age)


def _media(name: str, setting: str, *, is_named: bool) -> Purge:
    """Return the purge of files that messages name, or of those that none names."""

    async def drop(ground: Ground, age: dt.timedelta) -> Batch:
        async with ground.database.transaction() as db:
            dropped = await media_purging.drop(db, age, _FILES, is_named=is_named)
        return await _without_files(ground, dropped)

    count = _counting(lambda db, age: media_purging.count(db, age, is_named=is_named))
    return Purge(name, setting, count, drop)


async def _without_files(ground: Ground, dropped: Dropped) -> Batch:
    """Drop the files whose rows are gone for good: what cannot be dropped now is found as a stray file."""
    for key in dropped.store_keys:
        await ground.store.delete(key)
    return Batch(dropped.amount, dropped.has_more)


async def _count_strays(ground: Ground, age: dt.timedelta) -> Amount:
    total, behind = Amount(), ""
    while page := await ground.store.page(behind, _KEYS):
        behind = page[-1].key
        strays = await _strays(ground.database, page, age)
        total += Amount(0, sum(file.size for file in strays), len(strays))
    return total


async def _drop_strays(ground: Ground, age: dt.timedelta) -> Batch:
    """Look at the next page of the store; begin anew behind the last one."""
    page = await ground.store.page(ground.behind, _KEYS)
    strays = await _strays(ground.database, page, age)
    for file in strays:
        await ground.store.delete(file.key)
    ground.behind = page[-1].key if len(page) == _KEYS else ""
    async with ground.database.transaction() as db:
        amount = await purging.tell(db, "stray_files", _tallied(strays))
    return Batch(amount, bool(ground.behind))


def _tallied(strays: Sequence[StoredFile]) -> list[Tally]:
    """Count files by the tenant that their key begins with."""
    found: dict[int, Tally] = {}
    for file in strays:
        had = found.get(int(file.key.partition("/")[0]), Tally(int(file.key.partition("/")[0]), 0, 0))
        found[had.tenant_id] = Tally(had.tenant_id, 0, had.bytes + file.size, had.files + 1)
    return list(found.values())


async def _strays(database: Database, page: Sequence[StoredFile], age: dt.timedelta) -> list[StoredFile]:
    """Return the files that no row leads to, or ever will."""
    latest = clock.now() - age
    old = {
        file.key: (int(match[1]), file)
        for file in page
        if file.written_at < latest and (match := OURS.fullmatch(file.key))
    }
    if not old:
        return []
    async with database.connection() as db:
        kept = await media_purging.find_kept(db, [(tenant_id, key) for key, (tenant_id, _) in old.items()])
    return [file for key, (_, file) in old.items() if key not in kept]


# In this order: what a later purge takes with it has been counted, and dropped, by itself before.
PURGES: tuple[Purge, ...] = (
    _rows(purging.DELIVERIES, "retention_days"),
    _rows(purging.QUARANTINE, "quarantine_days"),
    _rows(purging.STATUSES, "status_days"),
    _rows(purging.PARKED_STATUSES, "parked_status_days"),
    Purge("attempts", "attempt_days", _counting(purging.count_attempts), _dropping(purging.drop_attempts)),
    _rows(purging.DELIVERED, "webhook_delivered_days"),
    _rows(purging.WEBHOOK_DELIVERIES, "webhook_days"),
    _rows(purging.WEBHOOKS, None, dt.timedelta(hours=1)),
    _rows(purging.EVENTS, "event_days"),
    _rows(purging.KEYS, "idempotency_days"),
    _rows(purging.OTPS, "otp_days"),
    _rows(purging.CHALLENGES, "challenge_days"),
    _imports("imports", "import_errors", "import_days"),
    _media("media", "media_days", is_named=True),
    _media("unused_media", "unused_media_days", is_named=False),
    _messages("messages", "message_days", is_chosen=False),
    _bodies("message_bodies", "message_body_days", is_chosen=False),
    _audit("audit_days"),
    _chosen_rows("otps_of_tenants", purging.OTPS),
    _chosen_media("media_of_tenants", is_named=True),
    _chosen_media("unused_media_of_tenants", is_named=False),
    _messages("messages_of_tenants", None, is_chosen=True),
    _bodies("message_bodies_of_tenants", None, is_chosen=True),
    Purge("stray_files", None, _count_strays, _drop_strays, STRAY_AFTER, most_beside=5),
    # Nobody can choose how long these last: they have no use beyond.
    _imports("broken_uploads", "import_chunks", None, dt.timedelta(hours=6)),
    _rows(purging.ADDRESSES, None, dt.timedelta(minutes=10)),
    _rows(purging.OTP_BUDGETS, None, dt.timedelta(days=3)),
    _rows(purging.WINDOWS, None, dt.timedelta(hours=1)),
    _rows(purging.BUCKETS, None, dt.timedelta(hours=1)),
    _rows(purging.TALLIES, None, dt.timedelta(days=400)),
)


class Outcome(msgspec.Struct, frozen=True):
    """What a purge took, or would take; `after` None keeps everything."""

    name: str
    variable: str | None
    after: dt.timedelta | None
    amount: Amount
    is_chosen: bool = False  # `after` is each tenant's own


async def survey(ground: Ground, settings: Settings, purges: Sequence[Purge] = PURGES) -> list[Outcome]:
    """Tell what would go at this moment."""
    outcomes = []
    for purge in purges:
        age = purge.due_after(settings)
        amount = Amount() if age is None else await purge.count(ground, age)
        outcomes.append(_outcome(purge, age, amount))
    return outcomes


async def run(
    ground: Ground,
    settings: Settings,
    purges: Sequence[Purge] = PURGES,
    progress: Callable[[str, Amount], None] = lambda _name, _amount: None,
) -> list[Outcome]:
    """Drop all that is due, one purge after the other; raises what a purge raises, keeping what was done by then."""
    outcomes = []
    for purge in purges:
        total, age = Amount(), purge.due_after(settings)
        while age is not None:
            batch = await purge.drop(ground, age)
            total += batch.amount
            progress(purge.name, total)
            if not batch.has_more:
                break
        outcomes.append(_outcome(purge, age, total))
    return outcomes


async def run_beside(ground: Ground, settings: Settings, purges: Sequence[Purge] = PURGES) -> None:
    """Drop all that is due beside other work: batch by batch in turn, resting as long as each one took.

    Whatever one purge raises ends that one, and only until the next round.
    """
    left = [(purge, age) for purge in purges if (age := purge.due_after(settings)) is not None]
    for round_ in itertools.count(1):
        going_on = []
        for purge, age in left:
            began = time.monotonic()
            if await _has_more(ground, purge, age) and round_ != purge.most_beside:
                going_on.append((purge, age))
            await asyncio.sleep(min(time.monotonic() - began, 1.0))
        if not going_on:
            return
        left = going_on


async def _has_more(ground: Ground, purge: Purge, age: dt.timedelta) -> bool:
    try:
        return (await purge.drop(ground, age)).has_more
    except ServiceUnavailable:  # the whole database: nobody gets any further
        raise
    except StoreUnavailable as error:
        _logger.warning("purge_waits_for_store", purge=purge.name, reason=str(error))
    except Exception:
        _logger.exception("purge_failed", purge=purge.name)
    return False


def _outcome(purge: Purge, age: dt.timedelta | None, amount: Amount) -> Outcome:
    variable = None if purge.setting is None else environment_name(purge.setting)
    return Outcome(purge.name, variable, age, amount, purge.is_chosen)
