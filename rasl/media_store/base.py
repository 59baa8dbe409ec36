"""What every place for files can do."""

import datetime as dt
from collections.abc import AsyncIterator
from typing import BinaryIO, Protocol

import msgspec

CHUNK = 256 * 1024


class MissingFile(Exception):
    """The store has no file under this key."""


class StoreUnavailable(Exception):
    """The store cannot be reached or cannot take a file now; the text says why."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file as the store has it."""

    key: str
    size: int
    written_at: dt.datetime


class MediaStore(Protocol):
    """Keeps files under keys such as `7/ab/abcd…`; a key that exists is written again without harm."""

    async def put(self, key: str, file: BinaryIO) -> None:
        """Keep a whole file; after it returns the file survives a crash. Raises StoreUnavailable."""

    def stream(self, key: str, start: int = 0, length: int | None = None) -> AsyncIterator[bytes]:
        """Yield a file, or a part of it; raises MissingFile or StoreUnavailable."""

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under a key; raises StoreUnavailable."""

    async def delete(self, key: str) -> None:
        """Drop a file, if it is there; raises StoreUnavailable."""

    async def page(self, after: str, limit: int) -> list[StoredFile]:
        """Return up to so many files in order of their keys, behind one; raises StoreUnavailable.

        What a process that was killed left half written is among them.
        """
