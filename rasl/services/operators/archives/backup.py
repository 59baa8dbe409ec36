"""A backup of the whole installation while it serves: every table as of one moment, files, the key if asked for.

The export of a tenant is the same of its rows and files alone, so that it can be restored as well.
"""

from collections.abc import Callable
from pathlib import Path

import msgspec

from rasl import __version__, clock
from rasl.db import installation
from rasl.db.whole import dumping, tables
from rasl.db.whole import tenant as tenant_rows
from rasl.db.whole.dumping import Connection
from rasl.db.whole.tables import Table
from rasl.domain.deliveries import split_by_owner
from rasl.media_store.base import MediaStore
from rasl.services.operators.archives import contents
from rasl.services.operators.archives.contents import Progress
from rasl.services.operators.archives.form import (
    ABOUT,
    DELIVERIES,
    FORMAT,
    INSTALLATION,
    SECRET_KEY,
    TENANT,
    About,
    ArchiveError,
    Manifest,
    TableNote,
)
from rasl.services.operators.archives.writing import Writer, written

ALL = "all"
_DELIVERIES = 500  # that are looked at together


class Wishes(msgspec.Struct, frozen=True):
    """What goes into a backup beside the database; `without` says why its files do not."""

    store: MediaStore | None
    without: str
    secret_key: str | None  # only when it is to be in it
    tenant_id: int | None = None  # of whom alone it is

    def __repr__(self) -> str:
        """Never show the key."""
        return f"Wishes(without={self.without!r})"


class Done(msgspec.Struct, frozen=True):
    """What a backup came to."""

    about: About
    manifest: Manifest
    size: int

    @property
    def rows(self) -> int:
        """How many rows of all tables are in it."""
        return sum(note.rows for note in self.manifest.tables.values())


async def back_up(
    dsn: str,
    path: Path,
    wishes: Wishes,
    progress: Progress = lambda _size: None,
    begun: Callable[[int], None] = lambda _size: None,
) -> Done:
    """Write a backup; tells first how many bytes there may be, then those that were dealt with.

    Files are read after the snapshot was taken, so each that a row leads to is there unless a purge dropped it in
    between; those are named in the manifest.
    """
    with written(path) as writer:
        async with dumping.connected(dsn) as connection:
            if not await tables.has_schema(connection):
                raise ArchiveError(
                    "NOTHING_TO_BACK_UP", "This database holds no installation: there is nothing to back up."
                )
        async with dumping.snapshot(dsn) as (connection, found):
            keys = await dumping.list_store_keys(connection, wishes.tenant_id) if wishes.store else {}
            begun(sum(table.size for table in found) + sum(keys.values()))
            about = await _about(connection, wishes)
            writer.add(ABOUT, msgspec.json.encode(about))
            notes: dict[str, TableNote] = {}
            for table in found:
                if (condition := _condition(table, wishes.tenant_id)) is not None:
                    notes[table.name] = await contents.add_table(
                        writer, connection, table, condition, progress
                    )
            if wishes.tenant_id is not None:
                await _add_deliveries(writer, connection, wishes.tenant_id)
            sequences = await dumping.list_sequences(connection)
        # The snapshot is over: however long files take, they keep no old rows from being cleaned up.
        files, file_bytes, missing = 0, 0, list[str]()
        if wishes.store is not None:
            files, file_bytes, missing = await contents.add_files(
                writer, wishes.store, contents.in_archive(keys), progress
            )
        if wishes.secret_key is not None:
            writer.add(SECRET_KEY, f"{wishes.secret_key}\n".encode())
        manifest = Manifest(
            tables=notes,
            sequences=dict(sequences),
            files=files,
            file_bytes=file_bytes,
            missing_files=missing,
            members=[],
        )
        writer.finish(manifest)
        size = writer.size
    return Done(about, manifest, size)


def _condition(table: Table, tenant_id: int | None) -> str | None:
    return "true" if tenant_id is None else tenant_rows.condition(table, tenant_id)


async def _add_deliveries(writer: Writer, connection: Connection, tenant_id: int) -> None:
    """Add what Meta posted for a tenant, without what the same delivery tells of others: JSON, a line each."""
    ours = await tenant_rows.find_ours(connection, tenant_id)
    behind = 0
    while (last := await tenant_rows.find_page(connection, behind, _DELIVERIES)) is not None:
        lines = [
            msgspec.json.encode({**dict(row), "body": taken})
            for row in await tenant_rows.list_deliveries(connection, ours, behind, last)
            if (taken := split_by_owner(row["body"], ours.numbers, ours.accounts).taken)
        ]
        if lines:
            writer.add(f"{DELIVERIES}{last:012}.jsonl", b"\n".join(lines) + b"\n")
        behind = last


async def _about(connection: Connection, wishes: Wishes) -> About:
    check = await installation.find_key_check(connection)
    return About(
        format=FORMAT,
        kind=INSTALLATION if wishes.tenant_id is None else TENANT,
        program=__version__,
        taken_at=clock.now().isoformat(),
        migrations=await tables.list_migrations(connection),
        key_check=None if check is None else check.hex(),
        has_secret_key=wishes.secret_key is not None,
        media=wishes.without if wishes.store is None else ALL,
    )
