"""Contact imports: a file is checked, stored in the database in chunks, and queued; and what became of it."""

import asyncio
import contextlib
import datetime as dt
import itertools
import zlib
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Annotated, Any, BinaryIO, ClassVar, Literal

import asyncpg
import msgspec

from rasl.db import contact_lists
from rasl.db import imports as import_rows
from rasl.db.listing import fetch_page
from rasl.db.pool import Database, Row
from rasl.domain.contact_csv import find_targets
from rasl.domain.csv_files import DELIMITERS, CsvFile, meant, protected, write_row
from rasl.domain.listing import ListQuery, Page
from rasl.domain.records.contact import NO_GROUP, NO_SOURCE, NO_STATUS, Id, Type
from rasl.domain.validation import Body, read_values
from rasl.domain.validation.rules import Rule
from rasl.errors import IdempotencyKeyReused, NotFound, ValidationFailed

MAX_FILE_BYTES = 200 * 1024 * 1024
MAX_ROWS = 1_000_000
CHUNK_ROWS = 5_000
Mode = Literal["skip", "update", "fail-row"]
INLINE_ERRORS = 100
_CHUNK_CHARACTERS = 8_000_000
_ERROR_PAGE = 1_000
_TRIED_AGAIN_FOR = dt.timedelta(days=7)  # an import whose job was set aside

IMPORT_LIST = import_rows.LIST_SOURCE.spec


def _check_delimiter(values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    text = values.get("delimiter")
    if (
        isinstance(text, str)
        and text.strip() not in {"auto", *DELIMITERS}
        and text not in DELIMITERS.values()
    ):
        yield "delimiter", f"The delimiter field must be auto, {', '.join(DELIMITERS)} or the sign itself"


class Options(Body, frozen=True, kw_only=True):
    """What there is to say about an import besides the file."""

    mapping: Annotated[
        dict[str, str | None],
        msgspec.Meta(
            description='From the file\'s columns to fields: `{"Tel": "phone", "Tier": "attributes.tier", "Remarks": '
            "null}`. Columns it does not name are guessed by their headers."
        ),
    ] = msgspec.field(default_factory=dict)
    dry_run: Annotated[
        bool, msgspec.Meta(description="Check everything, write nothing, report the same.")
    ] = False
    on_duplicate: Annotated[
        Mode,
        msgspec.Meta(
            description="A phone that is known already: `skip` the row, `update` the contact, or `fail-row`."
        ),
    ] = "skip"
    default_source_id: Annotated[Id, msgspec.Meta(description="Source of rows that name none.")] | None = None
    default_status_id: Annotated[Id, msgspec.Meta(description="Status of rows that name none.")] | None = None
    type: Annotated[Type, msgspec.Meta(description="Type of new contacts.")] | None = None
    groups: Annotated[list[Id], msgspec.Meta(description="Ids of groups to add every contact to.")] = (
        msgspec.field(default_factory=list)
    )
    delimiter: (
        Annotated[
            str,
            msgspec.Meta(
                max_length=10,
                description="auto (default), comma, semicolon, tab, pipe, or the sign itself.",
                extra={"verbatim": True, "may_be_blank": True},
            ),
        ]
        | None
    ) = None

    messages: ClassVar[Mapping[tuple[str, str], str]] = {
        (
            "mapping",
            "invalid",
        ): 'The mapping field must be a JSON object such as {"Tel": "phone", "Remarks": null}'
    }
    rules: ClassVar[tuple[Rule, ...]] = (_check_delimiter,)

    @property
    def sign(self) -> str | None:
        """Return the sign between cells, None where the file has to tell it."""
        text = self.delimiter or "auto"
        return text if text in DELIMITERS.values() else DELIMITERS.get(text.strip())


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
    """Read options that came as texts; raises ValidationFailed naming every wrong one."""
    return read_values(Options, fields)


async def accept(
    database: Database, tenant_id: int, upload: Upload, options: Options, lease: dt.timedelta | None = None
) -> Begun:
    """Check the file and store it as a queued import, or as one the caller holds when it gives a lease.

    Raises ValidationFailed, and then nothing is stored.
    """
    if known := await _find_known(database, tenant_id, upload):
        return known
    csv_file = await asyncio.to_thread(CsvFile, upload.file, options.sign)
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
        "group_ids": list(dict.fromkeys(options.groups)),
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
