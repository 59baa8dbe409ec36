"""`rasl restore`."""

import asyncio
import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from rasl.cli.calling import CommandError
from rasl.cli.output import AsJson, bar_of, progress, show, size_of
from rasl.media_store.opening import open_store
from rasl.services.operators.archives import reading, restore
from rasl.services.operators.archives.backup import ALL
from rasl.services.operators.archives.reading import Verified
from rasl.settings import Settings
from rasl.start.database import (
    keep_secret_key,
    make_data_folder,
    migrate,
    reachable,
    read_secret_key,
    secret_key_path,
)
from rasl.start.signals import run_interruptibly, terminated_as_interrupted

_OTHER_KEY = (
    "The secret key here is not the one this backup was sealed with: set RASL_SECRET_KEY (or the data folder's "
    "secret.key) to that one, or give --without-key. Nothing was changed."
)
_NO_KEY = (
    "The backup does not hold its secret key, and there is none here: put it into {} or set RASL_SECRET_KEY; if it is "
    "lost for good, give --without-key. Nothing was changed."
)


def run(
    file: Annotated[Path, typer.Argument(help="Archive that `rasl backup` wrote.")],
    without_key: Annotated[
        bool,
        typer.Option(
            "--without-key",
            help="Restore although the secret key is lost: numbers must be connected again afterwards.",
        ),
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Compare the checksums and change nothing.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Bring a backup into an empty database and an empty place for files, after every checksum was compared."""
    with terminated_as_interrupted():
        with bar_of("Verifying") as bar:
            bar.begin(file.stat().st_size if file.is_file() else 0)
            archive = reading.verify(file, bar.advance)
        if verify:
            show(as_json, {**_told(archive), "verified": True}, f"{file} is whole: {_sentence(archive)}.")
            return
        counts = _restore(archive, without_key)
    value = {**_told(archive), "restored": {"rows": counts.rows, "files": counts.files}}
    lines = [
        "Next: rasl doctor, then rasl serve and rasl worker. What was queued when the backup was taken goes out then."
    ]
    if archive.about.media != ALL:
        lines.insert(0, "The files were not in it: bring the bucket or folder back by itself.")
    if without_key:
        lines.insert(
            0, "Nothing that was sealed opens here: store access tokens again with rasl whatsapp connect."
        )
    show(as_json, value, f"Restored {file}: {_sentence(archive)}.", *lines)


def _restore(archive: Verified, without_key: bool) -> restore.Counts:
    restore.check_archive(archive)
    settings = Settings.from_environment()
    store = open_store(settings)
    asyncio.run(restore.check_store(archive, store))
    settings = _with_key(settings, archive, without_key)
    with reachable(settings, progress) as found:
        with bar_of("Restoring") as bar:
            bar.begin(sum(item.size for item in archive.manifest.members))
            counts = run_interruptibly(restore.restore(found.dsn, archive, store, bar.advance))
        migrate(found, progress, adopts_key=without_key)
    return counts


def _with_key(settings: Settings, archive: Verified, without_key: bool) -> Settings:
    """Return the settings with the key that fits; raises CommandError when there is none."""
    path = secret_key_path(settings)
    given = settings.secret_key or (read_secret_key(path) if settings.is_embedded else None)
    if given or without_key:
        if given and not without_key and not restore.fits(archive.about, given):
            raise CommandError("SECRET_KEY_WRONG", _OTHER_KEY)
        return settings
    key = restore.secret_key_of(archive)
    if key is None:
        raise CommandError("SECRET_KEY_MISSING", _NO_KEY.format(path.absolute()))
    make_data_folder(settings.data_dir)
    keep_secret_key(path, key)
    return dataclasses.replace(settings, secret_key=key)


def _told(archive: Verified) -> dict[str, object]:
    about, manifest = archive.about, archive.manifest
    return {
        "file": str(archive.path),
        "schema": about.schema,
        "program": about.program,
        "taken_at": about.taken_at,
        "tables": {name: note.rows for name, note in manifest.tables.items()},
        "files": manifest.files,
        "has_secret_key": about.has_secret_key,
        "media": about.media,
    }


def _sentence(archive: Verified) -> str:
    manifest = archive.manifest
    rows = sum(note.rows for note in manifest.tables.values())
    size = size_of(archive.path.stat().st_size)
    return (
        f"{rows:,} rows of {len(manifest.tables)} tables and {manifest.files:,} files of {archive.about.taken_at}, "
        f"schema {archive.about.schema}, {size}"
    )
