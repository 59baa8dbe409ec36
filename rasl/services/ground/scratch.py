"""Files that live as long as a request: forms, downloads, conversions."""

import hashlib
import io
import os
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, cast

from rasl import log
from rasl.errors import ServiceUnavailable

CANNOT_STORE = "Files cannot be stored right now"
_logger = log.get_logger()


def scratch_file(data_dir: Path) -> BinaryIO:
    """Open a file that vanishes when it is closed, where there is room for large ones.

    The system's own folder may be in memory. A disk that is full or broken raises ServiceUnavailable, here and wherever
    the file is used: to whoever reads a form or loads an address it is no fault of what they were given.
    """
    is_usable = data_dir.is_dir() and os.access(data_dir, os.W_OK)
    try:
        with tempfile.TemporaryFile(dir=data_dir if is_usable else None, buffering=0) as file:
            return cast("BinaryIO", io.BufferedRandom(_Scratch(os.dup(file.fileno()), "r+b")))
    except OSError as error:
        raise unstorable(error) from error


def digest_of(file: BinaryIO) -> bytes:
    """Return the SHA-256 of all of a file."""
    file.seek(0)
    return hashlib.file_digest(file, "sha256").digest()  # type: ignore[arg-type]  # BinaryIO has readinto in practice only


def unstorable(error: OSError) -> ServiceUnavailable:
    """Log why a file of ours cannot be written, and return what its caller is told."""
    _logger.error("file_not_storable", reason=error.strerror or type(error).__name__)
    return ServiceUnavailable(CANNOT_STORE)


class _Scratch(io.FileIO):
    """What is under the buffer; the buffer writes late, so that seeking, reading and closing may fail as well."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise unstorable(error) from error

    def readinto(self, buffer: Any, /) -> int:
        try:
            return super().readinto(buffer) or 0
        except OSError as error:
            raise unstorable(error) from error
