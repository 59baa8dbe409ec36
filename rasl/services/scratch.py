"""Files that live as long as a request: forms, downloads, conversions."""

import os
import tempfile
from pathlib import Path
from typing import BinaryIO, cast


def scratch_file(data_dir: Path) -> BinaryIO:
    """Open a file that vanishes when it is closed, where there is room for large ones.

    The system's own folder may be in memory.
    """
    is_usable = data_dir.is_dir() and os.access(data_dir, os.W_OK)
    return cast("BinaryIO", tempfile.TemporaryFile(dir=data_dir if is_usable else None))
