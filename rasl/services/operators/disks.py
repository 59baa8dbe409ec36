"""How much room there is where files lie: the data folder, the media folder, the embedded database."""

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from pgbox.place import home_of
from rasl.settings import Settings

_GIB = 1024**3
_LEAST_FREE = _GIB
_LEAST_SHARE = 0.05
_ENOUGH_FREE = 10 * _GIB
_LEAST_FILES = 1000


class Disk(msgspec.Struct, frozen=True):
    """The file system that a folder is on, as ordinary users see it."""

    folder: str  # data, media or database
    path: Path
    device: int
    free: int
    size: int
    free_files: int | None  # None: the file system has no such limit

    @property
    def is_low(self) -> bool:
        """Tell whether somebody should make room: less than a twentieth or a GiB is left, unless 10 GiB are."""
        return self.free < max(_LEAST_FREE, min(self.size * _LEAST_SHARE, _ENOUGH_FREE)) or (
            self.free_files is not None and self.free_files < _LEAST_FILES
        )


def folders_of(settings: Settings) -> dict[str, Path]:
    """Return the folders of an installation by what lies in them; a bucket and a database elsewhere have none here."""
    folders = {"data": settings.data_dir}
    if settings.media_store == "folder":
        folders["media"] = settings.data_dir / "media"
    if settings.is_embedded:
        folders["database"] = home_of(settings.data_dir)
    return folders


def look(folders: Mapping[str, Path]) -> list[Disk]:
    """Look at the file systems; a folder that cannot be looked at is left out."""
    found = []
    for name, folder in folders.items():
        try:
            path = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
            state, device = os.statvfs(path), path.stat().st_dev
        except OSError:
            continue
        files = state.f_favail if state.f_files else None
        unit = state.f_frsize
        found.append(Disk(name, path, device, state.f_bavail * unit, state.f_blocks * unit, files))
    return found
