"""Files in a folder, each complete or not there at all."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import BinaryIO

from rasl.media_store.base import CHUNK, MissingFile, StoreUnavailable


class FolderStore:
    """Keeps files below one folder, readable by nobody else."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def put(self, key: str, file: BinaryIO) -> None:
        """Write a file beside its place, make it durable and move it there."""
        try:
            await asyncio.to_thread(_write, self._folder, key, file)
        except OSError as error:
            raise StoreUnavailable(error.strerror or type(error).__name__) from error

    async def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it."""
        try:
            file = await asyncio.to_thread(open, self._folder / key, "rb")
        except FileNotFoundError:
            raise MissingFile(key) from None
        except OSError as error:
            raise StoreUnavailable(error.strerror or type(error).__name__) from error
        with file:
            file.seek(start)
            left = length
            while left is None or left > 0:
                chunk = await asyncio.to_thread(file.read, CHUNK if left is None else min(CHUNK, left))
                if not chunk:
                    return
                left = None if left is None else left - len(chunk)
                yield chunk

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key."""
        return await asyncio.to_thread((self._folder / key).is_file)

    async def delete(self, key: str) -> None:
        """Drop a file, if it is there."""
        try:
            await asyncio.to_thread((self._folder / key).unlink, missing_ok=True)
        except OSError as error:
            raise StoreUnavailable(error.strerror or type(error).__name__) from error


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
