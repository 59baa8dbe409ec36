"""`rasl backup`."""

import contextlib
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rasl import clock
from rasl.cli.output import AsJson, bar_of, progress, show, size_of
from rasl.media_store.opening import open_store
from rasl.services.operators.archives.backup import Done, Wishes, back_up
from rasl.settings import Settings
from rasl.start.database import reachable
from rasl.start.signals import run_interruptibly, terminated_as_interrupted

_KEY_IS_IN = "The secret key IS in it: whoever has the archive can open every stored access token. Keep it accordingly."
_KEY_IS_NOT_IN = (
    "The secret key is NOT in it, and without it no stored access token and app secret can be opened: keep {} "
    "somewhere else, or give --include-key."
)
_BUCKET = (
    "The files are NOT in it: they lie in the bucket {}, which has to be kept by itself. --media copies them."
)
_LEFT_OUT = "The files are NOT in it: --no-media left them out."


def run(
    file: Annotated[
        Path | None,
        typer.Argument(
            help="Archive to write, default rasl-<time>.tar; one that is there is not overwritten."
        ),
    ] = None,
    include_key: Annotated[
        bool, typer.Option("--include-key", help="Put the secret key into the archive, too.")
    ] = False,
    media: Annotated[
        bool | None,
        typer.Option(
            "--media/--no-media", help="Files too. Default: those of a folder, not those of a bucket."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write database, files and, if you say so, the secret key into one archive, while everything runs."""
    settings = Settings.from_environment()
    path = file or Path(f"rasl-{clock.now():%Y%m%d-%H%M%S}.tar")
    is_bucket = settings.media_store != "folder"
    has_media = media if media is not None else not is_bucket
    without = "bucket" if is_bucket and media is None else "left out"
    with contextlib.suppress(OSError):
        os.nice(5)  # who is served comes first
    with terminated_as_interrupted(), reachable(settings, progress) as found, bar_of("Backing up") as bar:
        wishes = Wishes(
            open_store(settings) if has_media else None,
            without,
            found.settings.secret_key if include_key else None,
        )
        done = run_interruptibly(back_up(found.dsn, path, wishes, bar.advance, bar.begin))
    lines = [_key_line(settings, include_key), *([] if has_media else [_media_line(settings, without)])]
    if missing := done.manifest.missing_files:
        lines.append(f"{len(missing)} files were dropped by a purge meanwhile and are not in it.")
    show(as_json, _json(path, done, lines), _summary(path, done), *lines)


def _summary(path: Path, done: Done) -> str:
    manifest = done.manifest
    files = f"{manifest.files:,} files ({size_of(manifest.file_bytes)})"
    return (
        f"Wrote {path} ({size_of(done.size)}): {done.rows:,} rows of {len(manifest.tables)} tables, {files}, schema "
        f"{done.about.schema}."
    )


def _key_line(settings: Settings, include_key: bool) -> str:
    if include_key:
        return _KEY_IS_IN
    place = "RASL_SECRET_KEY" if settings.secret_key else str((settings.data_dir / "secret.key").absolute())
    return _KEY_IS_NOT_IN.format(place)


def _media_line(settings: Settings, without: str) -> str:
    return _BUCKET.format(settings.media_store) if without == "bucket" else _LEFT_OUT


def _json(path: Path, done: Done, notes: list[str]) -> dict[str, Any]:
    manifest = done.manifest
    return {
        "file": str(path),
        "bytes": done.size,
        "schema": done.about.schema,
        "program": done.about.program,
        "taken_at": done.about.taken_at,
        "tables": {name: note.rows for name, note in manifest.tables.items()},
        "rows": done.rows,
        "files": manifest.files,
        "file_bytes": manifest.file_bytes,
        "missing_files": manifest.missing_files,
        "media": done.about.media,
        "has_secret_key": done.about.has_secret_key,
        "notes": notes,
    }
