"""Contact imports: a file is checked, stored in the database in chunks, and queued; and what became of it."""

import asyncio
import contextlib
import datetime as dt
import itertools
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, BinaryIO, Literal

import asyncpg
import msgspec

from rasl.db import contact_lists
from rasl.db import imports as import_rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain.contact_csv import TYPES, find_targets
from rasl.domain.csv_files import DELIMITERS, CsvFile, meant, protected, write_row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.records.contact import NO_GROUP, NO_SOURCE, NO_STATUS
from rasl.domain.validation import read_id
from rasl.errors import IdempotencyKeyReused, NotFound, ValidationFailed

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_ROWS = 1_000_000
CHUNK_ROWS = 5_000
INLINE_ERRORS = 100
MODES = ("skip", "update", "fail-row")
_CHUNK_CHARACTERS = 8_000_000
_ERROR_PAGE = 1_000
_TRIED_AGAIN_FOR = dt.timedelta(days=7)  # an import whose job was set aside

IMPORT_LIST = import_rows.LIST_SOURCE.spec


class Options(msgspec.Struct, frozen=True):
    """What the caller asked for besides the file."""

    mapping: dict[str, str | None] = {}
    dry_run: bool = False
    on_duplicate: str = "skip"
    default_source_id: int | None = None
    default_status_id: int | None = None
    type: str | None = None
    groups: tuple[int, ...] = ()
    delimiter: str | None = None


class Upload(msgspec.Struct, frozen=True):
    """A file with its name, and the Idempotency-Key it came under with the digest of its request."""

    file: BinaryIO
    name: str | None = None
    key: str | None = None
    fingerprint: bytes | None = None


class Begun(msgspec.Struct, frozen=True):
    """An import that is stored; `is_replayed` when an earlier request with the same key stored it."""

    id: int
    is_replayed: bool = False


def read_options(fields: Mapping[str, str]) -> Options:
    """Read form fields; raises ValidationFailed naming every wrong one."""
    problems: dict[str, list[str]] = {}
    values: dict[str, Any] = {}
    readers = {
        "mapping": _read_mapping,
        "dry_run": _read_flag,
        "on_duplicate": lambda text: _read_choice(text, MODES),
        "default_source_id": _read_id,
        "default_status_id": _read_id,
        "type": lambda text: _read_choice(text, TYPES),
        "groups": lambda text: tuple(dict.fromkeys(_read_id(part) for part in text.split(","))),
        "delimiter": _read_delimiter,
    }
    for name, text in fields.items():
        if name not in readers:
            problems[name] = [f"Unknown field; this endpoint takes file, {', '.join(readers)}"]
        elif text.strip() or (name == "delimiter" and text):
            try:
                values[name] = readers[name](text if name == "delimiter" else text.strip())
            except ValueError as error:
                problems[name] = [f"The {name} field {error}"]
    if problems:
        raise ValidationFailed(problems)
    return Options(**values)


def _read_mapping(text: str) -> dict[str, str | None]:
    try:
        return msgspec.json.decode(text, type=dict[str, str | None])
    except (msgspec.MsgspecError, RecursionError, ValueError):
        raise ValueError('must be a JSON object such as {"Tel": "phone", "Remarks": null}') from None


def _read_flag(text: str) -> bool:
    if text.lower() not in {"true", "false", "1", "0"}:
        raise ValueError("must be true or false")
    return text.lower() in {"true", "1"}


def _read_choice(text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}")
    return text


def _read_id(text: str) -> int:
    number = read_id(text.strip())
    if not number:
        raise ValueError("must be an integer")
    return number


def _read_delimiter(text: str) -> str | None:
    if text.strip() == "auto":
        return None
    if text in DELIMITERS.values():
        return text
    if text.strip() in DELIMITERS:
        return DELIMITERS[text.strip()]
    raise ValueError(f"must be auto, {', '.join(DELIMITERS)} or the sign itself")


async def accept(
    database: Database, tenant_id: int, upload: Upload, options: Options, lease: dt.timedelta | None = None
) -> Begun:
    """Check the file and store it as a queued import, or as one the caller holds when it gives a lease.

    Raises ValidationFailed, and then nothing is stored.
    """
    if known := await _find_known(database, tenant_id, upload):
        return known
    csv_file = await asyncio.to_thread(CsvFile, upload.file, options.delimiter)
    try:
        targets = find_targets(csv_file.headers, options.mapping)
        values = await _check(database, tenant_id, options, targets)
        values |= {"headers": csv_file.headers, "targets": list(targets), "file_name": _clean(upload.name)}
        async with database.connection() as db:
            import_id = await import_rows.begin(db, tenant_id, values)
        async with _dropped_on_failure(database, tenant_id, import_id):
            return await _store(database, tenant_id, import_id, csv_file, upload, lease)
    except asyncpg.UniqueViolationError:
        known = await _find_known(database, tenant_id, upload)
        if known is None:
            raise
        return known
    finally:
        csv_file.detach()


async def _store(
    database: Database,
    tenant_id: int,
    import_id: int,
    csv_file: CsvFile,
    upload: Upload,
    lease: dt.timedelta | None,
) -> Begun:
    total = chunks = 0
    rows = csv_file.rows()
    # One statement per chunk: no transaction is open while the rest of the file is read.
    while packed := await asyncio.to_thread(_pack, rows):
        content, count = packed
        total += count
        if total > MAX_ROWS:
            raise ValidationFailed({"file": [f"The file has more than {MAX_ROWS:,} rows; split it"]})
        async with database.connection() as db:
            await import_rows.add_chunk(db, tenant_id, import_id, chunks, content)
        chunks += 1
    if not total:
        raise ValidationFailed({"file": ["The file has no rows below its header"]})
    async with database.transaction() as db:
        await import_rows.enqueue(
            db, tenant_id, import_id, total, chunks, upload.key, upload.fingerprint, lease
        )
    return Begun(import_id)


@contextlib.asynccontextmanager
async def _dropped_on_failure(database: Database, tenant_id: int, import_id: int) -> AsyncIterator[None]:
    try:
        yield
    except BaseException:
        # What cannot be dropped now, the worker drops later.
        with contextlib.suppress(Exception):
            async with database.connection() as db:
                await import_rows.drop(db, tenant_id, import_id)
        raise


async def _find_known(database: Database, tenant_id: int, upload: Upload) -> Begun | None:
    if not upload.key:
        return None
    async with database.connection() as db:
        row = await import_rows.find_by_key(db, tenant_id, upload.key)
    if row is None:
        return None
    if row["fingerprint"] != upload.fingerprint:
        raise IdempotencyKeyReused
    return Begun(row["id"], is_replayed=True)


async def _check(
    database: Database, tenant_id: int, options: Options, targets: tuple[str | None, ...]
) -> dict[str, Any]:
    """Return the columns of the import; raises ValidationFailed for what is not the tenant's or is missing."""
    async with database.connection() as db:
        tenant = await import_rows.load_tenant(db, tenant_id)
        sources, statuses, groups = await contact_lists.load_names(db, tenant_id)
    problems: dict[str, list[str]] = {}
    defaults: dict[str, int | None] = {}
    for noun, known, given, unknown in (
        ("source", sources, options.default_source_id, NO_SOURCE),
        ("status", statuses, options.default_status_id, NO_STATUS),
    ):
        name = f"default_{noun}_id"
        defaults[noun] = tenant[name] if given is None else given
        if given is not None and given not in known:
            problems[name] = [unknown]
        elif defaults[noun] is None and not {noun, f"{noun}_id"} & set(targets):
            problems[name] = [f"The file has no {noun} column and the account no default {noun}: give {name}"]
    if not groups.keys() >= set(options.groups):
        problems["groups"] = [NO_GROUP]
    if problems:
        raise ValidationFailed(problems)
    return {
        "is_dry_run": options.dry_run,
        "on_duplicate": options.on_duplicate,
        "type": options.type or tenant["default_type"],
        "source_id": defaults["source"],
        "status_id": defaults["status"],
        "group_ids": list(options.groups),
    }


def _clean(name: str | None) -> str | None:
    """Keep the last part of a file's name, whatever system it comes from."""
    last = (name or "").replace("\\", "/").rsplit("/", 1)[-1].replace("\x00", "").strip()
    return last[:255] or None


def _pack(rows: Iterator[tuple[int, list[str]]]) -> tuple[bytes, int] | None:
    """Take the next rows of a file, as many as one transaction applies."""
    taken: list[tuple[int, list[str]]] = []
    size = 0
    for row in itertools.islice(rows, CHUNK_ROWS):
        taken.append(row)
        size += sum(map(len, row[1]))
        if size > _CHUNK_CHARACTERS:
            break
    return (zlib.compress(msgspec.json.encode(taken), 1), len(taken)) if taken else None


def unpack(content: bytes) -> list[tuple[int, list[str]]]:
    """Return the rows that `_pack` took."""
    return msgspec.json.decode(zlib.decompress(content), type=list[tuple[int, list[str]]])


async def get_import(database: Database, tenant_id: int, import_id: int) -> tuple[Row, list[Row]]:
    """Return an import with its first errors; raises NotFound."""
    async with database.connection() as db:
        row = await import_rows.find(db, tenant_id, import_id)
        if row is None:
            raise NotFound("Import not found")
        return row, await import_rows.list_errors(db, tenant_id, import_id, 0, INLINE_ERRORS)


async def list_imports(database: Database, tenant_id: int, query: ListQuery) -> Page:
    """Return one page of a tenant's imports, newest first."""
    async with database.listing() as db:
        return await fetch_page(db, import_rows.LIST_SOURCE, query, tenant_id)


async def read_error_file(database: Database, tenant_id: int, row: Row) -> AsyncIterator[bytes]:
    """Yield the rows that failed as CSV: number, reasons, and the row as it was; the file can be imported again."""
    text = write_row(["row", "error", *(protected(header) for header in row["headers"])])
    after = 0
    while True:
        async with database.connection() as db:
            errors = await import_rows.list_errors(db, tenant_id, row["id"], after, _ERROR_PAGE)
        if not errors:
            if text:
                yield text.encode()
            return
        after = errors[-1]["row_number"]
        yield (text + "".join(_error_line(error, row["targets"]) for error in errors)).encode()
        text = ""


def _error_line(error: Row, targets: list[str | None]) -> str:
    cells = msgspec.json.decode(error["cells"], type=list[str])
    shown = [
        cell if place < len(targets) and targets[place] == "phone" else protected(meant(cell))
        for place, cell in enumerate(cells)
    ]
    return write_row([str(error["row_number"]), "; ".join(error["reasons"]), *shown])


async def give_up_old(database: Database) -> None:
    """End imports that failed so long ago that nobody will have them tried again."""
    async with database.transaction() as db:
        for row in await import_rows.list_given_up(db, _TRIED_AGAIN_FOR):
            await import_rows.finish(db, row["tenant_id"], row["id"], "failed", row["failure"])


def percentage(row: Row) -> float:
    """Return how much of an import is done."""
    if row["status"] == "done":
        return 100.0
    done: int = row["created"] + row["updated"] + row["skipped"] + row["failed"]
    return round(100 * done / row["total"], 1) if row["total"] else 0.0


Status = Literal["queued", "running", "done", "failed"]
