"""Bytes of any size in flat memory: small ones stay in it, large ones go to an unnamed temporary file."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from typing import IO

IN_MEMORY = 1024 * 1024
PIECE = 64 * 1024


class Blob:
    """A growing file with its SHA-256."""

    def __init__(self, content: bytes = b"") -> None:
        self.size = 0
        self._memory = bytearray()
        self._file: IO[bytes] | None = None
        self._digest = hashlib.sha256()
        if content:
            self.write(content)

    @property
    def sha256(self) -> str:
        """The digest as hexadecimal digits."""
        return self._digest.hexdigest()

    def write(self, content: bytes | bytearray) -> None:
        """Append bytes."""
        self.size += len(content)
        self._digest.update(content)
        if self._file is None and self.size > IN_MEMORY:
            # Unnamed: nothing is left behind, however the process ends.
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the blob
            self._file.write(self._memory)
            self._memory = bytearray()
        if self._file is None:
            self._memory += content
        else:
            self._file.write(content)

    def cut(self, size: int) -> None:
        """Forget everything after the first `size` bytes."""
        kept = b"".join(self.pieces(0, size)) if self._file is None else b""
        if self._file is None:
            self.size, self._memory, self._digest = 0, bytearray(), hashlib.sha256()
            self.write(kept)
            return
        self._file.truncate(size)
        self._file.seek(size)
        self.size = size
        self._digest = hashlib.sha256()
        for piece in self.pieces(0, size):
            self._digest.update(piece)

    def pieces(self, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """A range of the bytes, a piece at a time."""
        end = self.size if length is None else min(self.size, start + length)
        if self._file is not None:
            self._file.flush()
        for at in range(start, end, PIECE):
            count = min(PIECE, end - at)
            if self._file is None:
                yield bytes(self._memory[at : at + count])
            else:
                yield os.pread(self._file.fileno(), count, at)

    def close(self) -> None:
        """Give the space back."""
        self._memory = bytearray()
        if self._file is not None:
            self._file.close()
            self._file = None
        self.size = 0
