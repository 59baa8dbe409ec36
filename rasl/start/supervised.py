"""A process started by the sandbox or by `rasl serve --workers`: it works for its parent and dies with it.

The parent writes one line of JSON to our standard input and keeps the pipe open; its end is the parent's end. So
secrets are in nobody's environment, the imports run while the database starts, and nothing outlives its parent.
"""

import contextlib
import ctypes
import dataclasses
import os
import signal
import sys
import threading
from collections.abc import Iterator

import msgspec

from rasl.settings import Settings
from rasl.start.database import Prepared, Progress, prepared

MARK = "RASL_SUPERVISED"
_PR_SET_PDEATHSIG = 1
_STANDARD_INPUT = 0


class Order(msgspec.Struct, frozen=True):
    """What the parent says when the database is there."""

    dsn: str
    secret_key: str


def order_of(found: Prepared) -> bytes:
    """Return the line that a parent writes."""
    return msgspec.json.encode(Order(found.dsn, found.settings.secret_key)) + b"\n"


def is_supervised() -> bool:
    """Whether a parent of ours started this process."""
    return os.environ.get(MARK) == "1"


@contextlib.contextmanager
def held(settings: Settings, progress: Progress) -> Iterator[Prepared]:
    """Have a database inside the block for as long as it takes: our parent's, or one of our own."""
    if is_supervised():
        yield _await_order(settings)
        return
    with prepared(settings, progress, is_lasting=True) as found:
        yield found


def _await_order(settings: Settings) -> Prepared:
    """Wait until the parent has the database ready, then begin to follow the parent."""
    _die_with_parent()
    line = b""
    while not line.endswith(b"\n"):
        chunk = os.read(_STANDARD_INPUT, 4096)
        if not chunk:
            sys.exit(0)
        line += chunk
    order = msgspec.json.decode(line, type=Order)
    follow_parent()
    return Prepared(dataclasses.replace(settings, secret_key=order.secret_key), order.dsn)


def follow_parent() -> None:
    """End this process as soon as its parent does, however that ends."""
    _die_with_parent()
    threading.Thread(target=_wait_for_end, name="rasl-parent", daemon=True).start()


def _wait_for_end() -> None:
    # os.read and not sys.stdin: its lock, held by this thread, would break the interpreter's shutdown.
    while os.read(_STANDARD_INPUT, 4096):
        pass
    os._exit(1)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
