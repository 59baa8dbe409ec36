"""What every place for files can do."""

from collections.abc import AsyncIterator
from typing import BinaryIO, Protocol

CHUNK = 256 * 1024


class MissingFile(Exception):
    """The store has no file under this key."""


class StoreUnavailable(Exception):
    """The store cannot be reached or cannot take a file now; the text says why."""


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
