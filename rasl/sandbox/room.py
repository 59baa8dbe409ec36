"""Whether there is room on the disk for a sandbox, told before the database fails halfway."""

from rasl.services.operators import disks
from rasl.settings import Settings
from rasl.start.errors import StartError

_MIB = 1024**2
# A new database is 50 MB and its journal grows to 16 more; one that is there needs room to start and to write.
_NEEDED_BY_NEW, _NEEDED_BY_OLD = 150 * _MIB, 32 * _MIB


def check_room(settings: Settings) -> None:
    """Raise StartError when the disk of the data folder is as good as full."""
    is_new = not (settings.data_dir / "postgres").exists()
    for disk in disks.look(disks.folders_of(settings)):
        if problem := problem_of(str(disk.path), disk.free, is_new=is_new):
            raise StartError("DISK_FULL", problem)


def problem_of(folder: str, free: int, *, is_new: bool) -> str | None:
    """Return what is wrong with so many free bytes, None when they will do."""
    needed = _NEEDED_BY_NEW if is_new else _NEEDED_BY_OLD
    if free >= needed:
        return None
    return (
        f"The disk of {folder} has {free // _MIB} MB free, and the sandbox needs {needed // _MIB}: "
        "make room, or set RASL_DATA_DIR to a folder elsewhere."
    )
