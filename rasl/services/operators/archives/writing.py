"""Writes an archive beside its place and moves it there when it is whole: no half one ever has the final name."""

import contextlib
import errno
import hashlib
import io
import os
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from rasl.services.operators.archives.form import MANIFEST, ArchiveError, Manifest, Member

_CHUNK = 1024 * 1024


class Writer:
    """An archive on its way: members are added one after the other, each with its checksum."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by finish
        self.members: list[Member] = []

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self._file.tell()

    def add(self, name: str, content: bytes) -> None:
        """Add a member that is in memory."""
        self.add_file(name, io.BytesIO(content), len(content))

    def add_file(self, name: str, content: BinaryIO, size: int) -> None:
        """Add a member of this size from a file that is read once."""
        reader = _Hashing(content)
        self._tar.addfile(_info(name, size), reader)
        self.members.append(Member(name, size, reader.digest.hexdigest()))

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest and the end."""
        manifest.members = self.members
        content = msgspec.json.encode(manifest)
        self._tar.addfile(_info(MANIFEST, len(content)), io.BytesIO(content))
        self._tar.close()


class _Hashing(io.RawIOBase):
    """A file that is hashed as it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Read, and add to the digest."""
        chunk = self._file.read(size)
        self.digest.update(chunk)
        return chunk


@contextlib.contextmanager
def written(path: Path) -> Iterator[Writer]:
    """Have an archive to write inside the block; it is durable and has its name behind it.

    Whatever ends the block early leaves nothing under any name. Raises ArchiveError.
    """
    if path.exists():
        raise ArchiveError(
            "ARCHIVE_EXISTS", f"{path} is there already: nothing is overwritten, choose another name."
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with _told(path):
            # Nobody else may read it: it holds what people wrote.
            handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        with os.fdopen(handle, "wb", buffering=_CHUNK) as file, _told(path):
            yield Writer(file)
            file.flush()
            os.fsync(file.fileno())
        with _told(path):
            part.rename(path)
            _make_durable(path.parent)
    finally:
        part.unlink(missing_ok=True)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn what the disk refuses into one sentence."""
    try:
        yield
    except OSError as error:
        if isinstance(error, ConnectionError | TimeoutError) or error.errno is None:  # the database's
            raise
        code = "DISK_FULL" if error.errno in {errno.ENOSPC, errno.EDQUOT} else "ARCHIVE_NOT_WRITABLE"
        raise ArchiveError(
            code, f"{path} cannot be written ({error.strerror}): nothing of it was kept."
        ) from error


def _info(name: str, size: int) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = size, 0o600, int(time.time())
    return info


def _make_durable(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
