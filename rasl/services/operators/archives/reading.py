"""Reads an archive: first all of it, to know that it is whole; only then is anything done with it."""

import contextlib
import hashlib
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import msgspec

from rasl.services.operators.archives.form import (
    ABOUT,
    FORMAT,
    MANIFEST,
    About,
    ArchiveError,
    Manifest,
    Member,
)

_CHUNK = 1024 * 1024
_Kind = TypeVar("_Kind")
Progress = Callable[[int], None]  # takes how many bytes were dealt with


class Verified(msgspec.Struct, frozen=True):
    """An archive every member of which is as it was written."""

    path: Path
    about: About
    manifest: Manifest


def verify(path: Path, progress: Progress = lambda _size: None) -> Verified:
    """Read an archive to its end and compare every checksum; raises ArchiveError."""
    about: About | None = None
    manifest: Manifest | None = None
    seen: list[Member] = []
    with readable(path):
        for info, content in _members(path):
            if about is None:
                about = _about(path, info, content)
            if info.name == MANIFEST:
                manifest = _decoded(path, content.read(), Manifest)
            else:
                seen.append(_member(info, content))
            progress(info.size)
    if about is None or manifest is None:
        raise _damaged(path, "its end is missing")
    if seen != manifest.members:
        wrong = next((item.name for item in seen if item not in manifest.members), "a member")
        raise _damaged(path, f"{wrong} is not as it was written" if seen else "it is empty")
    return Verified(path, about, manifest)


def members(archive: Verified) -> Iterator[tuple[str, BinaryIO]]:
    """Yield the members of a verified archive in order; each is read before the next one."""
    for info, content in _members(archive.path):
        yield info.name, content


def _members(path: Path) -> Iterator[tuple[tarfile.TarInfo, BinaryIO]]:
    with tarfile.open(path, "r:") as tar:
        while (info := tar.next()) is not None:
            content = tar.extractfile(info) if info.isreg() else None
            if content is None:  # a link leads out of the archive
                raise _damaged(path, f"{info.name} is no file")
            with content:
                yield info, content  # type: ignore[misc]  # the stubs call it IO[bytes]
            tar.members.clear()  # type: ignore[attr-defined]  # or it remembers each of a million


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what reading an archive may raise into one sentence."""
    try:
        yield
    except tarfile.TarError:
        raise _damaged(path, "it is cut off or no archive of RASL's") from None
    except OSError as error:
        raise ArchiveError("ARCHIVE_NOT_READABLE", f"{path} cannot be read ({error.strerror}).") from None


def _about(path: Path, info: tarfile.TarInfo, content: BinaryIO) -> About:
    if info.name != ABOUT:
        raise _damaged(path, "it is no archive of RASL's")
    about = _decoded(path, content.read(), About)
    content.seek(0)
    if about.format > FORMAT:
        raise ArchiveError(
            "ARCHIVE_TOO_NEW",
            f"{path} was written by a newer program ({about.program}): use that one. Nothing was changed.",
        )
    return about


def _member(info: tarfile.TarInfo, content: BinaryIO) -> Member:
    digest = hashlib.sha256()
    size = 0
    while chunk := content.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return Member(info.name, size, digest.hexdigest())


def _decoded(path: Path, content: bytes, kind: type[_Kind]) -> _Kind:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.MsgspecError:
        raise _damaged(path, "what it says of itself cannot be read") from None


def _damaged(path: Path, reason: str) -> ArchiveError:
    return ArchiveError("ARCHIVE_DAMAGED", f"{path} is damaged: {reason}. Nothing was changed.")
