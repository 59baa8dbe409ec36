"""Who owns the server: an exclusive flock, which the kernel releases however its holder ends."""

import contextlib
import fcntl
import os
import threading
import weakref

import msgspec

from pgbox.errors import PostgresError
from pgbox.place import Place

_RECORD = "server.json"


class ServerRecord(msgspec.Struct, frozen=True):
    """What the owner tells those who attach, and the next owner."""

    owner_pid: int
    postmaster_pid: int
    socket_folder: str
    is_ready: bool


class OwnershipLock:
    """The lock of one home; only its holder starts, stops or changes anything there."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._descriptor: int | None = None
        self._mutex = threading.Lock()
        _every_lock.add(self)

    @property
    def is_held(self) -> bool:
        """Whether this process holds it."""
        return self._descriptor is not None

    def try_acquire(self) -> bool:
        """Take it unless another process has it; True also if it is ours already."""
        with self._mutex:
            if self._descriptor is None:
                self._descriptor = self._open_locked(fcntl.LOCK_EX)
            return self._descriptor is not None

    def release(self) -> None:
        """Give it back; harmless when it is not ours."""
        with self._mutex:
            descriptor, self._descriptor = self._descriptor, None
            if descriptor is not None:
                os.close(descriptor)

    def is_held_by_another(self) -> bool:
        """Whether another process holds it."""
        with self._mutex:
            if self._descriptor is not None:
                return False
            # Shared, so that two who ask at the same time do not take each other for the owner.
            descriptor = self._open_locked(fcntl.LOCK_SH)
            if descriptor is None:
                return True
            os.close(descriptor)
            return False

    def _open_locked(self, kind: int) -> int | None:
        descriptor = self._place.open("lock", os.O_RDWR)
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        except OSError as error:
            os.close(descriptor)
            raise PostgresError(
                f"{self._place.home} is on a file system without locks ({error.strerror}): use a local disk"
            ) from error
        return descriptor

    def forget_after_fork(self) -> None:
        """Close the inherited descriptor: the lock stays the parent's, and ends with it."""
        # A new mutex, because another thread of the parent may have held the old one.
        self._mutex = threading.Lock()
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(descriptor)


_every_lock: weakref.WeakSet[OwnershipLock] = weakref.WeakSet()


def _forget_all_after_fork() -> None:
    for lock in _every_lock:
        lock.forget_after_fork()


os.register_at_fork(after_in_child=_forget_all_after_fork)


def read_record(place: Place) -> ServerRecord | None:
    """Return what the present or the last owner wrote, None if nothing usable."""
    text = place.read(_RECORD)
    if not text:
        return None
    try:
        return msgspec.json.decode(text, type=ServerRecord)
    except msgspec.DecodeError:
        return None


def write_record(place: Place, record: ServerRecord) -> None:
    """Tell the others; only the holder of the lock does so."""
    place.write(_RECORD, msgspec.json.encode(record).decode())


def erase_record(place: Place) -> None:
    """Take back what was told; only the holder of the lock does so."""
    (place.home / _RECORD).unlink(missing_ok=True)
