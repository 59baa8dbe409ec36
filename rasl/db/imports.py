"""Queries on imports: the file as chunks, progress, errors."""

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rasl.db import jobs, rows
from rasl.db.jobs import NewJob
from rasl.db.listing import ListSource
from rasl.db.pool import Db, Row
from rasl.db.tenants import limit_of
from rasl.domain.listing import Kind, ListSpec
from rasl.errors import NotFound

KIND = "import"
_SMALL = 5_000  # imports up to this size go first
LIST_SOURCE = ListSource(
    spec=ListSpec(
        filters={"status": Kind.TEXT, "created_at": Kind.MOMENT},
        sorts=("id", "created_at"),
        default_sort="-id",
    ),
    select="i.*",
    tables="contact_imports i",
    alias="i",
    where="i.tenant_id = $1 and i.status <> 'uploading'",
    search=("coalesce(i.file_name, '')",),
)


class RowError(msgspec.Struct, frozen=True):
    """A row of a file that failed, with its cells and every reason."""

    row_number: int
    cells: Sequence[str]
    reasons: Sequence[str]


class _StoredError(msgspec.Struct, frozen=True):
    row_number: int
    cells: str  # JSON
    reasons: tuple[str, ...]


async def begin(db: Db, tenant_id: int, values: Mapping[str, Any]) -> int:
    """Create an import that is still being uploaded."""
    names = ", ".join(values)
    places = ", ".join(f"${number}" for number in range(2, len(values) + 2))
    import_id: int = await db.fetchval(
        f"insert into contact_imports (tenant_id, status, {names}) values ($1, 'uploading', {places}) returning id",
        tenant_id,
        *values.values(),
    )
    return import_id


async def add_chunk(db: Db, tenant_id: int, import_id: int, number: int, content: bytes) -> None:
    """Keep a part of the file."""
    await db.execute(
        "insert into import_chunks (tenant_id, import_id, number, content) values ($1, $2, $3, $4)",
        tenant_id,
        import_id,
        number,
        content,
    )


async def enqueue(
    db: Db,
    tenant_id: int,
    import_id: int,
    total: int,
    chunks: int,
    key: str | None,
    fingerprint: bytes | None,
    lease: dt.timedelta | None,
) -> None:
    """Make an uploaded import somebody's job: the worker's, or the caller's own while it holds the lease."""
    await db.execute(
        """
        update contact_imports
        set status = 'queued', total = $3, chunks = $4, idempotency_key = $5, fingerprint = $6
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        import_id,
        total,
        chunks,
        key,
        fingerprint,
    )
    await jobs.add(db, KIND, [NewJob(tenant_id, import_id, tenant_id, 0 if total <= _SMALL else 1)], lease)


async def drop(db: Db, tenant_id: int, import_id: int) -> None:
    """Remove an import that was never finished uploading."""
    await db.execute(
        "delete from contact_imports where tenant_id = $1 and id = $2 and status = 'uploading'",
        tenant_id,
        import_id,
    )


async def find_by_key(db: Db, tenant_id: int, key: str) -> Row | None:
    """Return the import that was made under an Idempotency-Key."""
    return await db.fetchrow(
        "select id, fingerprint from contact_imports where tenant_id = $1 and idempotency_key = $2",
        tenant_id,
        key,
    )


async def find(db: Db, tenant_id: int, import_id: int) -> Row | None:
    """Return an import that was uploaded."""
    return await db.fetchrow(
        "select * from contact_imports where tenant_id = $1 and id = $2 and status <> 'uploading'",
        tenant_id,
        import_id,
    )


async def list_chunks(db: Db, tenant_id: int, import_id: int) -> list[int]:
    """Return the numbers of the parts that were not applied yet, in order."""
    found = await db.fetch(
        "select number from import_chunks where tenant_id = $1 and import_id = $2 order by number",
        tenant_id,
        import_id,
    )
    return [row["number"] for row in found]


async def load_chunk(db: Db, tenant_id: int, import_id: int, number: int) -> bytes | None:
    """Return a part of the file that was not applied yet."""
    content: bytes | None = await db.fetchval(
        "select content from import_chunks where tenant_id = $1 and import_id = $2 and number = $3",
        tenant_id,
        import_id,
        number,
    )
    return content


async def prepare_for_bulk(db: Db) -> bool:
    """Let this transaction collect more for the search indexes before it merges it in: twice as many rows a second.

    Returns whether it may leave out the checks of references (see `contacts.unchecked`).
    """
    may_skip_checks: bool = await db.fetchval(
        """
        select has_parameter_privilege('session_replication_role', 'SET')
        from (select set_config('work_mem', '64MB', true), set_config('gin_pending_list_limit', '16MB', true)) as s
        """
    )
    return may_skip_checks


async def merge_indexes(db: Db) -> None:
    """Merge what an import left for later, so that searches need not walk through it."""
    for index in ("contacts_by_text", "contacts_by_group", "contacts_by_attribute"):
        await db.execute("select gin_clean_pending_list($1::text::regclass)", index)


async def start(db: Db, tenant_id: int, import_id: int) -> None:
    """Say that the first row is being applied."""
    await db.execute(
        """
        update contact_imports
        set status = 'running', started_at = least(started_at, now()), failure = null, finished_at = null
        where tenant_id = $1 and id = $2 and status in ('queued', 'failed')
        """,
        tenant_id,
        import_id,
    )


async def record_chunk(
    db: Db, tenant_id: int, import_id: int, number: int, counts: Mapping[str, int]
) -> Row | None:
    """Count what a chunk came to and drop it; None when it was applied before."""
    row = await db.fetchrow(
        """
        with chunk as (
            delete from import_chunks where tenant_id = $1 and import_id = $2 and number = $3 returning number
        )
        update contact_imports
        set chunks_done = chunks_done + 1, created = created + $4, updated = updated + $5, skipped = skipped + $6,
            failed = failed + $7
        where tenant_id = $1 and id = $2 and exists (select from chunk)
        returning *
        """,
        tenant_id,
        import_id,
        number,
        counts["created"],
        counts["updated"],
        counts["skipped"],
        counts["failed"],
    )
    await jobs.progressed(db, KIND, tenant_id, import_id)
    return row


async def add_errors(db: Db, tenant_id: int, import_id: int, errors: Sequence[RowError]) -> None:
    """Keep rows that failed."""
    await db.execute(
        f"""
        insert into import_errors (tenant_id, import_id, row_number, cells, reasons)
        select $1, $2, {rows.names(_StoredError, "i.")} from {rows.table(_StoredError, 3)}
        """,
        tenant_id,
        import_id,
        [
            _StoredError(
                error.row_number,
                msgspec.json.encode(error.cells).decode(),
                tuple(reason.replace("\x00", "") for reason in error.reasons),
            )
            for error in errors
        ],
    )


async def finish(db: Db, tenant_id: int, import_id: int, status: str, failure: str | None = None) -> None:
    """Close an import: its job, its keys and what is left of its file go."""
    await _end(db, tenant_id, import_id, status, failure)
    for table in ("import_chunks", "import_keys"):
        await db.execute(f"delete from {table} where tenant_id = $1 and import_id = $2", tenant_id, import_id)
    await jobs.remove(db, KIND, tenant_id, import_id)


async def fail(db: Db, tenant_id: int, import_id: int, failure: str) -> None:
    """Show an import as failed whose job was set aside; all it needs to go on stays for some days."""
    await _end(db, tenant_id, import_id, "failed", failure)


async def _end(db: Db, tenant_id: int, import_id: int, status: str, failure: str | None) -> None:
    await db.execute(
        """
        update contact_imports set status = $3, failure = $4, started_at = least(started_at, now()),
               finished_at = now()
        where tenant_id = $1 and id = $2
        """,
        tenant_id,
        import_id,
        status,
        failure,
    )


async def list_given_up(db: Db, older_than: dt.timedelta) -> list[Row]:
    """Return imports that failed so long ago that nobody will have them tried again."""
    return await db.fetch(
        """
        select i.tenant_id, i.id, i.failure from jobs j
        join contact_imports i on i.tenant_id = j.tenant_id and i.id = j.subject_id
        where j.kind = $1 and j.failures > 0 and j.set_aside_at < now() - $2::interval
        """,
        KIND,
        older_than,
    )


async def list_errors(db: Db, tenant_id: int, import_id: int, after: int, limit: int) -> list[Row]:
    """Return rows that failed, in order, after a row number."""
    return await db.fetch(
        """
        select row_number, cells, reasons from import_errors
        where tenant_id = $1 and import_id = $2 and row_number > $3 order by row_number limit $4
        """,
        tenant_id,
        import_id,
        after,
        limit,
    )


async def load_tenant(db: Db, tenant_id: int) -> Row:
    """Return what rows are read and counted by: the tenant's defaults, and how many contacts the plan allows."""
    row = await db.fetchrow(
        f"""
        select t.default_country, t.default_type, t.default_source_id, t.default_status_id, t.webhook_events,
               {limit_of("max_contacts")}
        from tenants t join plans p on p.name = t.plan where t.id = $1
        """,
        tenant_id,
    )
    if row is None:
        raise NotFound("Tenant not found")
    return row
