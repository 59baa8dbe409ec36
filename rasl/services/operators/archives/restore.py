"""A backup brought into a fresh place: verified first, refused where it would overwrite, all of it or none."""

import asyncio
import hmac
import io
import zlib
from collections.abc import AsyncIterator, Callable, Iterator
from typing import BinaryIO

import msgspec

from rasl.db import schema
from rasl.db.whole import dumping, loading, tables
from rasl.db.whole.dumping import Connection
from rasl.media_store.base import MediaStore
from rasl.sealing import Sealer
from rasl.services.operators.archives import reading
from rasl.services.operators.archives.form import (
    FILES,
    INSTALLATION,
    SECRET_KEY,
    TABLES,
    TENANT,
    About,
    ArchiveError,
    TableNote,
)
from rasl.services.operators.archives.reading import Progress, Verified
from rasl.services.operators.installation import key_check

_CHUNK = 1024 * 1024
_PAGE = 1000
_GZIP = 31


class Counts(msgspec.Struct):
    """What was restored so far."""

    rows: int = 0
    files: int = 0


def check_archive(archive: Verified) -> None:
    """Refuse what this program cannot restore; raises ArchiveError."""
    about = archive.about
    if about.kind not in {INSTALLATION, TENANT}:
        raise ArchiveError(
            "ARCHIVE_OF_ANOTHER_KIND",
            f"{archive.path} is the export of one {about.kind}, not a backup of an installation: nothing was changed.",
        )
    known = {migration.name: migration.checksum for migration in schema.declared()}
    if newer := sorted(about.migrations.keys() - known.keys()):
        raise ArchiveError(
            "SCHEMA_TOO_NEW",
            f"{archive.path} has a newer schema than this program ({', '.join(newer)}): restore it with the program "
            f"that wrote it ({about.program}) or a newer one. Nothing was changed.",
        )
    if changed := [name for name, checksum in about.migrations.items() if known[name] != checksum]:
        raise ArchiveError(
            "SCHEMA_OF_ANOTHER_PROGRAM",
            f"{archive.path} was written by another program: {', '.join(changed)} differs. Nothing was changed.",
        )


def fits(about: About, secret_key: str) -> bool:
    """Tell whether what is sealed in a backup opens with this key; true where the backup does not know its key."""
    return about.key_check is None or hmac.compare_digest(
        about.key_check, key_check(Sealer(secret_key)).hex()
    )


def secret_key_of(archive: Verified) -> str | None:
    """Return the secret key that a backup holds, if it does."""
    for name, content in reading.members(archive):
        if name == SECRET_KEY:
            return content.read().decode().strip()
    return None


async def check_store(archive: Verified, store: MediaStore) -> None:
    """Refuse a place that has files which are not the backup's; the same file again is no harm."""
    ours = {item.name.removeprefix(FILES) for item in archive.manifest.members}
    behind = ""
    while page := await store.page(behind, _PAGE):
        behind = page[-1].key
        if stranger := next((file.key for file in page if file.key not in ours), None):
            raise ArchiveError(
                "MEDIA_NOT_EMPTY",
                f"The place for files holds some already, such as {stranger}: nothing is overwritten. Restore into an "
                "empty one, or move them away. Nothing was changed.",
            )


async def check_database(connection: Connection, about: About) -> None:
    """Refuse a database in which somebody lives, or whose schema is beyond the backup's; raises ArchiveError."""
    if not await tables.has_schema(connection):
        return
    present = await tables.list_migrations(connection)
    if beyond := sorted(present.keys() - about.migrations.keys()):
        raise ArchiveError(
            "DATABASE_TOO_NEW",
            f"The database is at a newer schema than the backup ({', '.join(beyond)}): give it an empty database. "
            "Nothing was changed.",
        )
    if "0001_foundation" in present and (count := await loading.count_tenants(connection)):
        raise ArchiveError(
            "DATABASE_NOT_EMPTY",
            f"The database has {count} tenant{'s' * (count != 1)} already: nothing is overwritten. Restore into an "
            "empty one. Nothing was changed.",
        )


async def restore(
    dsn: str, archive: Verified, store: MediaStore, progress: Progress = lambda _size: None
) -> Counts:
    """Bring a verified backup into an empty database and store.

    The schema is made first, as it was when the backup was taken. Rows and files then come in one transaction: when
    anything fails, the database stays empty and the files that were written are taken back.
    """
    async with dumping.connected(dsn) as connection:
        await check_database(connection, archive.about)
        await check_store(archive, store)
        await schema.migrate(dsn, until=archive.about.migrations)
        found = await tables.list_tables(connection)
        if unknown := sorted(archive.manifest.tables.keys() - {table.name for table in found}):
            raise ArchiveError(
                "ARCHIVE_OF_ANOTHER_PROGRAM", f"No migration makes the tables {', '.join(unknown)}."
            )
        kept: list[str] = []
        try:
            async with loading.emptied(connection, found):
                counts = await _bring(connection, archive, store, kept, progress)
                await loading.set_sequences(connection, archive.manifest.sequences)
        except BaseException:
            for key in kept:
                await store.delete(key)
            raise
        await loading.analyse(connection)
    return counts


async def _bring(
    connection: Connection, archive: Verified, store: MediaStore, kept: list[str], progress: Progress
) -> Counts:
    counts = Counts()
    members = _Members(reading.members(archive))
    while (name := members.name) is not None:
        if name.startswith(TABLES):
            table = name.removeprefix(TABLES).partition("/")[0]
            note = archive.manifest.tables[table]
            counts.rows += await _fill(connection, table, note, members, progress)
            continue
        if name.startswith(FILES):
            key = name.removeprefix(FILES)
            if not await store.exists(key):
                kept.append(key)
                await store.put(key, members.content)
            counts.files += 1
        members.advance()
    return counts


async def _fill(
    connection: Connection, table: str, note: TableNote, members: "_Members", progress: Callable[[int], None]
) -> int:
    rows = await loading.fill(connection, table, note.columns, members.rows_of(table, progress))
    if rows != note.rows:  # every byte was what was written: this program reads it otherwise
        raise ArchiveError("ARCHIVE_DAMAGED", f"{table} came to {rows} rows instead of {note.rows}.")
    return rows


class _Members:
    """The members of an archive with the one that is being looked at."""

    def __init__(self, members: Iterator[tuple[str, BinaryIO]]) -> None:
        self._members = members
        self.name: str | None = None
        self.content: BinaryIO = io.BytesIO()
        self.advance()

    def advance(self) -> None:
        """Go on to the next one; without a name there is none."""
        self.name, self.content = next(self._members, (None, io.BytesIO()))

    async def rows_of(self, table: str, progress: Progress) -> AsyncIterator[bytes]:
        """Yield the rows of a table, all of its parts one after the other."""
        while self.name is not None and self.name.startswith(f"{TABLES}{table}/"):
            press = zlib.decompressobj(_GZIP)
            while chunk := self.content.read(_CHUNK):
                rows = await asyncio.to_thread(press.decompress, chunk)
                progress(len(rows))
                yield rows
            yield press.flush()
            self.advance()
