"""The database of a long-running process: our parent's, or one of our own."""

import contextlib
from collections.abc import Iterator

from rasl.cli.output import progress
from rasl.settings import Settings
from rasl.start import Prepared, prepared, supervised


@contextlib.contextmanager
def held(settings: Settings) -> Iterator[Prepared]:
    """Have a database inside the block for as long as it takes."""
    if supervised.is_supervised():
        yield supervised.await_order(settings)
        return
    with prepared(settings, progress, is_lasting=True) as found:
        yield found
