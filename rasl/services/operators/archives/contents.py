"""What goes into an archive: tables in compressed parts, and files of the store."""

import asyncio
import tempfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import BinaryIO

from rasl.db.whole import dumping
from rasl.db.whole.dumping import Connection
from rasl.db.whole.tables import Table
from rasl.media_store.base import MediaStore, MissingFile, StoreUnavailable
from rasl.services.operators.archives.form import FILES, ArchiveError, TableNote, part_name
from rasl.services.operators.archives.writing import Writer

PART = 8 * 1024 * 1024  # of rows, before they are compressed
_IN_MEMORY = 4 * 1024 * 1024
# Three times as fast as the usual level, for a tenth more bytes: a backup is long for what it takes of the processor.
_LEVEL = 1
_GZIP = 31  # bits of zlib's window that say: with a gzip header
Progress = Callable[[int], None]  # takes how many bytes were dealt with


async def add_table(
    writer: Writer, connection: Connection, table: Table, condition: str, progress: Progress
) -> TableNote:
    """Add those rows (`t`) of a table that meet a condition, as many parts as it takes.

    A part is compressed and written while the next one is read; no more than these two are in memory.
    """
    waiting = bytearray()
    parts = 0
    writing: asyncio.Future[None] | None = None

    async def finish() -> None:
        nonlocal writing
        if writing is not None:
            # Ctrl-C does not end a thread: whoever closes the file waits for it.
            await asyncio.shield(writing)
            writing = None

    async def write() -> None:
        nonlocal parts, writing
        await finish()
        parts += 1
        content = bytes(waiting)
        waiting.clear()
        name = part_name(table.name, parts)
        writing = asyncio.get_running_loop().run_in_executor(None, _add_part, writer, name, content)
        progress(len(content))

    async def take(piece: bytes) -> None:
        waiting.extend(piece)
        if len(waiting) >= PART:
            await write()

    try:
        rows = await dumping.copy(connection, table, condition, take)
        if waiting:
            await write()
    finally:
        await finish()
    return TableNote(list(table.columns), rows, parts)


async def add_files(
    writer: Writer, store: MediaStore, names: Mapping[str, str], progress: Progress
) -> tuple[int, int, list[str]]:
    """Add files of the store, given by key with their names in the archive.

    Returns how many, their bytes, and the keys of those that are not there.
    """
    count, total, missing = 0, 0, []
    for key, name in names.items():
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as content:
            try:
                async for chunk in store.stream(key):
                    content.write(chunk)
            except MissingFile:
                missing.append(key)
                continue
            except StoreUnavailable as error:
                raise ArchiveError(
                    "MEDIA_NOT_READABLE", f"The file {key} cannot be read: {error}."
                ) from error
            size = content.tell()
            content.seek(0)
            await asyncio.to_thread(writer.add_file, name, _binary(content), size)
        count, total = count + 1, total + size
        progress(size)
    return count, total, missing


def in_archive(keys: Iterable[str]) -> dict[str, str]:
    """Return files of the store with the names they have in the archive of an installation."""
    return {key: f"{FILES}{key}" for key in keys}


def _add_part(writer: Writer, name: str, content: bytes) -> None:
    press = zlib.compressobj(_LEVEL, wbits=_GZIP)
    writer.add(name, press.compress(content) + press.flush())


def _binary(content: object) -> BinaryIO:
    return content  # type: ignore[return-value]  # a spooled file is one in all that is read of it
