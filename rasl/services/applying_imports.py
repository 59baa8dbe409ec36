"""Applies an import chunk by chunk: what a chunk came to is committed with the contacts it made, exactly once."""

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import Callable

import asyncpg
import msgspec

from rasl import log
from rasl.db import contact_imports as import_rows
from rasl.db.pool import Database, Db, Row
from rasl.domain.contact_csv import BadRow, ContactRow, Lookups, RowReader, Rules
from rasl.errors import NotFound, ServiceUnavailable
from rasl.services import import_waves
from rasl.services.contact_imports import unpack
from rasl.services.import_waves import Ground

LEASE = dt.timedelta(seconds=60)
_TRIES = 5
_MANY = 5_000
# Somebody else got in between: the same transaction works a moment later.
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.UniqueViolationError,
    asyncpg.ForeignKeyViolationError,
    import_waves.ChangedError,
)
_logger = log.get_logger()


class LostError(Exception):
    """Another worker took the import over; it goes on there."""


class Holding(msgspec.Struct, frozen=True):
    """An import that is ours as long as the fence stands."""

    tenant_id: int
    import_id: int
    fence: int


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
    row = await _load(database, holding)
    async with database.transaction() as db:
        await _hold(db, holding)
        await import_rows.start(db, holding.tenant_id, holding.import_id)
    last = row["chunks"] if chunks is None else min(row["chunks"], row["chunks_done"] + chunks)
    prepared = asyncio.create_task(_prepare(database, row, row["chunks_done"]))
    try:
        for number in range(row["chunks_done"], last):
            chunk = await prepared
            if number + 1 < last:
                # Understood on this core while PostgreSQL stores the chunk before on another.
                prepared = asyncio.create_task(_prepare(database, row, number + 1))
            progress(await _write(database, holding, row, chunk))
    finally:
        prepared.cancel()
        await asyncio.gather(prepared, return_exceptions=True)
    if last == row["chunks"] and row["total"] > _MANY:
        await _merge_indexes(database)
    return bool(last == row["chunks"])


async def _merge_indexes(database: Database) -> None:
    try:
        async with database.connection() as db:
            await import_rows.merge_indexes(db)
    except (asyncpg.PostgresError, ServiceUnavailable) as error:
        # A server where another role owns the tables: autovacuum does it later.
        _logger.info("indexes_not_merged", reason=type(error).__name__)


async def _load(database: Database, holding: Holding) -> Row:
    async with database.connection() as db:
        row = await import_rows.find(db, holding.tenant_id, holding.import_id)
    if row is None:
        raise NotFound("Import not found")
    return row


async def _hold(db: Db, holding: Holding) -> None:
    if not await import_rows.hold(db, holding.tenant_id, holding.import_id, holding.fence, LEASE):
        raise LostError


async def _prepare(database: Database, row: Row, number: int) -> Chunk:
    async with database.connection() as db:
        content = await import_rows.load_chunk(db, row["tenant_id"], row["id"], number)
        found = await import_rows.load_lookups(db, row["tenant_id"])
        tenant = await import_rows.load_tenant(db, row["tenant_id"])
    if content is None:
        raise LostError
    lookups = Lookups(*found)
    sources, statuses, groups = (frozenset(item.values()) for item in found)
    rules = Rules(
        targets=tuple(row["targets"]),
        type=row["type"],
        status_id=row["status_id"] if row["status_id"] in statuses else None,
        source_id=row["source_id"] if row["source_id"] in sources else None,
        default_country=tenant["default_country"],
        lookups=lookups,
    )
    shared = [group_id for group_id in row["group_ids"] if group_id in groups]
    return Chunk(number, await asyncio.to_thread(_understand, content, rules, shared))


def _understand(content: bytes, rules: Rules, shared_groups: list[int]) -> list[ContactRow | BadRow]:
    reader = RowReader(rules)
    rows = [reader.read(number, cells) for number, cells in unpack(content)]
    if shared_groups:
        for row in rows:
            if isinstance(row, ContactRow):
                own = row.values.get("groups", [])
                row.values["groups"] = list(dict.fromkeys([*shared_groups, *own]))
    return rows


async def _write(database: Database, holding: Holding, row: Row, chunk: Chunk) -> Row:
    """Apply one chunk; tries again when somebody else changed the same things in the same moment."""
    for tries in range(_TRIES):
        try:
            async with database.transaction() as db:
                return await _write_once(db, holding, row, chunk)
        except _PASSING as error:
            if tries == _TRIES - 1:
                raise
            _logger.info("import_chunk_again", import_id=holding.import_id, reason=type(error).__name__)
            chunk = await _prepare(database, row, chunk.number)
    raise LostError


async def _write_once(db: Db, holding: Holding, row: Row, chunk: Chunk) -> Row:
    tenant_id, import_id = holding.tenant_id, holding.import_id
    await _hold(db, holding)
    await import_rows.prepare_for_bulk(db)
    now = await import_rows.find(db, tenant_id, import_id)
    tenant = await import_rows.load_tenant(db, tenant_id)
    if now is None:
        raise LostError
    contacts = [item for item in chunk.rows if isinstance(item, ContactRow)]
    ground = Ground(
        db=db,
        tenant_id=tenant_id,
        import_id=import_id,
        mode=row["on_duplicate"],
        is_dry_run=row["is_dry_run"],
        maximum=tenant["max_contacts"],
        created_before=now["created"],
        type=row["type"],
        status_id=row["status_id"],
        source_id=row["source_id"],
    )
    outcomes = await import_waves.apply(ground, contacts)
    failures = [(item.number, item.cells, item.reasons) for item in chunk.rows if isinstance(item, BadRow)]
    failures += [
        (item.row.number, item.row.cells, [item.reason]) for item in outcomes if item.word == "failed"
    ]
    counts = Counter(item.word for item in outcomes)
    counts["failed"] = len(failures)
    if failures:
        errors = [
            (number, msgspec.json.encode(cells).decode(), reasons) for number, cells, reasons in failures
        ]
        await import_rows.add_errors(db, tenant_id, import_id, errors)
    after = await import_rows.record_chunk(db, tenant_id, import_id, chunk.number, counts)
    if after is None:
        raise LostError
    if after["chunks_done"] == after["chunks"]:
        await import_rows.finish(db, tenant_id, import_id, "done")
    return after


async def fail(database: Database, holding: Holding, reason: str) -> None:
    """Close an import that cannot be applied; what was applied stays."""
    async with database.transaction() as db:
        await _hold(db, holding)
        await import_rows.finish(db, holding.tenant_id, holding.import_id, "failed", reason)
    _logger.error("import_failed", tenant_id=holding.tenant_id, import_id=holding.import_id)


async def give_back(database: Database, holding: Holding, seconds: float) -> None:
    """Let another worker try after a failure."""
    try:
        async with database.connection() as db:
            await import_rows.postpone(db, holding.tenant_id, holding.import_id, holding.fence, seconds)
    except ServiceUnavailable:
        _logger.warning("import_waits_for_database", import_id=holding.import_id)
