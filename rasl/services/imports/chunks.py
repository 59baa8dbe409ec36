"""Applies an import chunk by chunk: what a chunk came to is committed with the contacts it made, exactly once."""

import asyncio
import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Sequence

import asyncpg
import msgspec

from rasl import log
from rasl.db import contact_lists, jobs
from rasl.db import imports as import_rows
from rasl.db.contacts import CONFLICTS
from rasl.db.imports import RowError
from rasl.db.jobs import Holding
from rasl.db.pool import Database, Db, Row
from rasl.domain.contact_csv import BadRow, ContactRow, Lookups, RowReader, Rules
from rasl.domain.events import matches
from rasl.errors import NotFound, ServiceUnavailable
from rasl.services.contacts.arrivals import Book
from rasl.services.imports import rows
from rasl.services.imports.rows import DryRun
from rasl.services.imports.uploads import unpack

LEASE = dt.timedelta(seconds=60)
_TRIES = 5
_MANY = 5_000
_LANES = min(4, max(2, os.cpu_count() or 2))  # PostgreSQL stores each chunk on one core
# Somebody else got in between: the same transaction works a moment later.
_PASSING = (*CONFLICTS, asyncpg.SerializationError)
_logger = log.get_logger()


class LostError(Exception):
    """Another worker took the import over; it goes on there."""


class Chunk(msgspec.Struct, frozen=True):
    """A part of the file as understood."""

    number: int
    rows: list[ContactRow | BadRow]


async def apply(
    database: Database,
    holding: Holding,
    chunks: int | None = None,
    progress: Callable[[Row], None] = lambda _: None,
) -> bool:
    """Apply what is left of an import, or only so many chunks of it; returns whether it is finished.

    Raises LostError.
    """
    tenant_id, import_id, _ = holding
    async with database.transaction() as db:
        row = await import_rows.find(db, tenant_id, import_id)
        if row is None:
            raise NotFound("Import not found")
        await _hold(db, holding)
        await import_rows.start(db, tenant_id, import_id)
        numbers = await import_rows.list_chunks(db, tenant_id, import_id)
        tenant = await import_rows.load_tenant(db, tenant_id)
    lanes = _LANES if _may_overlap(row, tenant) else 1
    await _Writing(database, holding, row, lanes, progress).write(numbers[:chunks])
    is_finished = chunks is None or len(numbers) <= chunks
    if is_finished and row["total"] > _MANY:
        await _merge_indexes(database)
    return is_finished


def _may_overlap(row: Row, tenant: Row) -> bool:
    """Tell whether chunks may be written side by side: none changes what is there, and no plan's places run out."""
    return tenant["max_contacts"] < 0 and not row["is_dry_run"] and row["on_duplicate"] != "update"


class _Writing:
    """Chunks on their way: one is understood on this core while PostgreSQL stores others."""

    def __init__(
        self, database: Database, holding: Holding, row: Row, lanes: int, progress: Callable[[Row], None]
    ) -> None:
        self._database = database
        self._holding = holding
        self._row = row
        self._lanes = lanes
        self._progress = progress
        self._running: dict[asyncio.Task[Row], frozenset[str]] = {}

    async def write(self, numbers: Sequence[int]) -> None:
        """Write chunks in the order of their numbers, as many at once as there are lanes."""
        prepared: asyncio.Task[Chunk] | None = None
        try:
            for place, number in enumerate(numbers):
                chunk = await (prepared or self._prepare(number))
                following = numbers[place + 1 : place + 2]
                prepared = asyncio.create_task(self._prepare(following[0])) if following else None
                claims = _claims(chunk)
                await self._make_room(claims)
                task = asyncio.create_task(_write(self._database, self._holding, self._row, chunk))
                self._running[task] = claims
            while self._running:
                await self._finish_one()
        finally:
            if prepared:
                prepared.cancel()
            # What is being written may be committed any moment: nobody may take over before it is.
            await asyncio.gather(*self._running, *([prepared] if prepared else []), return_exceptions=True)

    async def _prepare(self, number: int) -> Chunk:
        return await _prepare(self._database, self._row, number)

    async def _make_room(self, claims: frozenset[str]) -> None:
        """Wait for a lane, and for every chunk that has a phone or an email of this one: who comes first has it."""
        while len(self._running) >= self._lanes or any(map(claims.intersection, self._running.values())):
            await self._finish_one()

    async def _finish_one(self) -> None:
        done, _ = await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            del self._running[task]
            self._progress(task.result())


def _claims(chunk: Chunk) -> frozenset[str]:
    """Return the phones and emails that rows of a chunk want for themselves."""
    rows = [item for item in chunk.rows if isinstance(item, ContactRow)]
    emails = (row.values["email"].lower() for row in rows if "email" in row.values)
    return frozenset([*(row.match_key for row in rows), *emails])


async def _merge_indexes(database: Database) -> None:
    try:
        async with database.connection() as db:
            await import_rows.merge_indexes(db)
    except (asyncpg.PostgresError, ServiceUnavailable) as error:
        # A server where another role owns the tables: autovacuum does it later.
        _logger.info("indexes_not_merged", reason=type(error).__name__)


async def _hold(db: Db, holding: Holding) -> None:
    if not await jobs.hold(db, import_rows.KIND, *holding, LEASE):
        raise LostError


async def _prepare(database: Database, row: Row, number: int) -> Chunk:
    async with database.connection() as db:
        content = await import_rows.load_chunk(db, row["tenant_id"], row["id"], number)
        names = await contact_lists.load_names(db, row["tenant_id"])
        tenant = await import_rows.load_tenant(db, row["tenant_id"])
    if content is None:
        raise LostError
    sources, statuses, groups = names
    rules = Rules(
        targets=tuple(row["targets"]),
        type=row["type"],
        status_id=row["status_id"] if row["status_id"] in statuses else None,
        source_id=row["source_id"] if row["source_id"] in sources else None,
        default_country=tenant["default_country"],
        lookups=Lookups.of(names),
    )
    shared = [group_id for group_id in row["group_ids"] if group_id in groups]
    return Chunk(number, await asyncio.to_thread(_understand, content, rules, shared))


def _understand(content: bytes, rules: Rules, shared_groups: list[int]) -> list[ContactRow | BadRow]:
    reader = RowReader(rules)
    read = [reader.read(number, cells) for number, cells in unpack(content)]
    for row in read:
        if isinstance(row, ContactRow):
            own = row.values.pop("groups", ())
            if own or shared_groups:
                row.values["group_ids"] = list(dict.fromkeys([*shared_groups, *own]))
    return read


async def _write(database: Database, holding: Holding, row: Row, chunk: Chunk) -> Row:
    """Apply one chunk; tries again when somebody else changed the same things in the same moment."""
    for tries in range(_TRIES):
        try:
            async with database.transaction() as db:
                return await _write_once(db, holding, row, chunk, is_again=tries > 0)
        except _PASSING as error:
            if tries == _TRIES - 1:
                raise
            _logger.info("import_chunk_again", import_id=row["id"], reason=type(error).__name__)
            chunk = await _prepare(database, row, chunk.number)
    raise LostError


async def _write_once(db: Db, holding: Holding, row: Row, chunk: Chunk, *, is_again: bool) -> Row:
    tenant_id, import_id, _ = holding
    may_skip_checks = await import_rows.prepare_for_bulk(db)
    now = await import_rows.find(db, tenant_id, import_id)
    tenant = await import_rows.load_tenant(db, tenant_id)
    if now is None:
        raise LostError
    book = (
        DryRun(db, tenant_id, import_id, now["created"])
        if row["is_dry_run"]
        else Book(db, tenant_id, may_skip_checks=may_skip_checks, is_again=is_again, tells_later=True)
    )
    contacts = [item for item in chunk.rows if isinstance(item, ContactRow)]
    results = await rows.apply(book, row, tenant["max_contacts"], contacts)
    if matches(tenant["webhook_events"], "contact.created"):
        await book.tell()
    failures = [
        RowError(item.number, item.cells, item.reasons) for item in chunk.rows if isinstance(item, BadRow)
    ]
    failures += [
        RowError(item.row.number, item.row.cells, [item.reason]) for item in results if item.word == "failed"
    ]
    counts = Counter(item.word for item in results)
    counts["failed"] = len(failures)
    if failures:
        await import_rows.add_errors(db, tenant_id, import_id, failures)
    # Last, as chunks that are written side by side meet here.
    await _hold(db, holding)
    after = await import_rows.record_chunk(db, tenant_id, import_id, chunk.number, counts)
    if after is None:
        raise LostError
    if after["chunks_done"] == after["chunks"]:
        await import_rows.finish(db, tenant_id, import_id, "done")
    return after


async def give_back(database: Database, holding: Holding) -> None:
    """Let a worker go on with it."""
    _, import_id, _ = holding
    try:
        async with database.connection() as db:
            await jobs.release(db, import_rows.KIND, [(*holding, 0.0)])
    except ServiceUnavailable:
        _logger.warning("import_waits_for_database", import_id=import_id)
