"""Files in a folder, each complete or not there at all."""

import asyncio
import contextlib
import datetime as dt
import itertools
import os
import shutil
import stat
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import BinaryIO

from rasl.media_store.base import CHUNK, MissingFile, StoredFile, StoreUnavailable


class FolderStore:
    """Keeps files below one folder, readable by nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, file: BinaryIO) -> None:
        """Write a file beside its place, make it durable and move it there."""
        with _unavailable():
            await asyncio.to_thread(_write, self._folder, key, file)

    async def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it."""
        try:
            with _unavailable():
                file = await asyncio.to_thread(open, self._folder / key, "rb")
        except FileNotFoundError:
            raise MissingFile(key) from None
        with file:
            file.seek(start)
            left = length
            while left is None or left > 0:
                with _unavailable():
                    chunk = await asyncio.to_thread(file.read, CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        with _unavailable():
            return await asyncio.to_thread(_is_file, self._folder / key)

    async def delete(self, key: str) -> None:
        """Drop a file, if it is there."""
        with _unavailable():
            await asyncio.to_thread((self._folder / key).unlink, missing_ok=True)

    async def page(self, after: str, limit: int) -> list[StoredFile]:
        """Return up to so many files in order of their keys, behind one."""
        with _unavailable():
            return await asyncio.to_thread(lambda: [*itertools.islice(_walk(self._folder, after), limit)])


@contextlib.contextmanager
def _unavailable() -> Iterator[None]:
    """Turn whatever the disk refuses into what a store raises; a file that is not there is no refusal."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StoreUnavailable(error.strerror or type(error).__name__) from error


def _is_file(path: Path) -> bool:
    """Tell whether there is a file; unlike Path.is_file it raises when that cannot be found out."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _walk(folder: Path, after: str, above: str = "") -> Iterator[StoredFile]:
    """Yield what lies below a folder in order of keys: a folder sorts as its name with the slash behind it."""
    try:
        found = [(f"{above}{item.name}{'/' * item.is_dir()}", item) for item in os.scandir(folder)]
    except FileNotFoundError:
        return
    for key, item in sorted(found, key=lambda pair: pair[0]):
        if key.endswith("/"):
            if key > after or after.startswith(key):
                yield from _walk(Path(item.path), after, key)
        elif key > after:
            try:
                state = item.stat(follow_symlinks=False)
            except FileNotFoundError:  # moved to its place, or dropped, this moment
                continue
            yield StoredFile(key, state.st_size, dt.datetime.fromtimestamp(state.st_mtime, dt.UTC))


def _write(folder: Path, key: str, source: BinaryIO) -> None:
    path = folder / key
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.parent.mkdir(parents=True, exist_ok=True)
    source.seek(0)
    # mkstemp makes files that only we may read.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".incoming-")
    try:
        with os.fdopen(handle, "wb") as target:
            shutil.copyfileobj(source, target, CHUNK)
            target.flush()
            os.fsync(target.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    _make_durable(path.parent)


def _make_durable(folder: Path) -> None:
    """Write down the folder's own list of files; not every system lets a folder be opened."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
