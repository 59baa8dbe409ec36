"""Own the embedded server, attach to the one that another process owns, take over when that one ends."""

import atexit
import contextlib
import os
import socket
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from shutil import rmtree
from urllib.parse import quote

from structlog import get_logger

from pgbox.account import is_root
from pgbox.binaries import find_binaries, reachable_binaries
from pgbox.cluster import NAME, cluster_major, create_cluster, remove_leftovers
from pgbox.configuration import write_configuration
from pgbox.errors import CancelledStartError, PostgresError
from pgbox.lock import OwnershipLock, ServerRecord, erase_record, read_record, write_record
from pgbox.place import SOCKET_NAME, Place, find_place, prepare_socket_folder
from pgbox.postmaster import Postmaster, Progress, start_postmaster
from pgbox.predecessor import clear_predecessors

FALLBACK_ROOT = Path("/var/lib/rasl")
_LONGEST_RETRY_SECONDS = 10.0


def _silent(_line: str) -> None:
    pass


class EmbeddedPostgres:
    """The server of one data folder, as seen by one process. Every method may be called from any thread."""

    def __init__(
        self,
        data_dir: Path,
        *,
        durable: bool = True,
        environment: Mapping[str, str] | None = None,
        fallback_root: Path = FALLBACK_ROOT,
    ) -> None:
        self._data_dir = data_dir.expanduser().resolve()
        self._durable = durable
        self._environment: Mapping[str, str] = os.environ if environment is None else environment
        self._fallback_root = fallback_root
        self._place: Place | None = None
        self._lock: OwnershipLock | None = None
        self._postmaster: Postmaster | None = None
        self._socket_folder: Path | None = None
        self._watcher: threading.Thread | None = None
        self._mutex = threading.RLock()
        self._is_released = threading.Event()

    @property
    def is_owner(self) -> bool:
        """Whether this process runs the server, and it does run."""
        return self._lock is not None and self._lock.is_held and self._is_running_here

    @property
    def is_healthy(self) -> bool:
        """Whether the server is run by this process, or is in the care of another one."""
        return self.is_owner or (self._lock is not None and self._lock.is_held_by_another())

    @property
    def dsn(self) -> str:
        """The address for asyncpg and psql, once `ensure_running` has returned."""
        if self._socket_folder is None:
            raise PostgresError("the embedded server was not started")
        return f"postgresql:///{NAME}?host={quote(str(self._socket_folder))}&port=5432&user={NAME}"

    @property
    def home(self) -> Path:
        """The folder of the server, once `ensure_running` was called."""
        if self._place is None:
            raise PostgresError("the embedded server was not started")
        return self._place.home

    @property
    def log_folder(self) -> Path:
        """Where PostgreSQL's log is, once `ensure_running` was called."""
        return self.home / "log"

    @property
    def postmaster_pid(self) -> int | None:
        """The process of the server, ours or the one attached to."""
        record = read_record(self._place) if self._place is not None else None
        return record.postmaster_pid if record is not None else None

    def ensure_running(self, progress: Progress = _silent) -> str:
        """Start the server, attach to the running one, or bring back one that is gone; return its DSN.

        It takes connections by then. However many processes try at once, one of them comes to own it.
        """
        with self._mutex:
            self._is_released.clear()
            try:
                return self._own_or_attach(progress)
            except OSError as error:
                where = error.filename or self._data_dir
                raise PostgresError(f"The embedded database cannot use {where}: {error.strerror}") from error

    def watch(self, progress: Progress = _silent, interval: float = 0.5) -> None:
        """Bring the server back whenever it is gone, from a thread, until `release`."""
        with self._mutex:
            if self._watcher is None:
                self._watcher = threading.Thread(
                    target=self._watch, args=(progress, interval), name="rasl-postgres-watch", daemon=True
                )
                self._watcher.start()

    def release(self) -> None:
        """Stop the server if it is ours, else only let go; `ensure_running` may be called again."""
        self._is_released.set()
        with self._mutex:
            postmaster, self._postmaster = self._postmaster, None
            if self._lock is not None and self._lock.is_held:
                if postmaster is not None:
                    postmaster.stop()
                if self._place is not None:
                    erase_record(self._place)
                self._lock.release()
            atexit.unregister(self.release)
            watcher, self._watcher = self._watcher, None
        if watcher is not None and watcher is not threading.current_thread():
            watcher.join()

    @property
    def _is_running_here(self) -> bool:
        return self._postmaster is not None and self._postmaster.is_alive

    def _own_or_attach(self, progress: Progress) -> str:
        if self.is_owner:
            return self.dsn
        self._place = place = find_place(self._data_dir, self._environment, self._fallback_root)
        if self._lock is None:
            self._lock = OwnershipLock(place)
        spoke = time.monotonic()
        while True:
            if self._lock.try_acquire():
                self._own(place, self._lock, progress)
                return self.dsn
            record = read_record(place)
            if record is not None and record.is_ready and _takes_connections(record.socket_folder):
                self._socket_folder = Path(record.socket_folder)
                return self.dsn
            if time.monotonic() - spoke > 2:
                spoke = time.monotonic()
                progress("waiting for another process to start the database")
            self._pause(0.02)

    def _own(self, place: Place, lock: OwnershipLock, progress: Progress) -> None:
        try:
            predecessor = read_record(place)
            erase_record(place)
            clear_predecessors(place, predecessor, progress, self._pause)
            postmaster = self._start(place, progress)
        except BaseException:
            lock.release()
            raise
        self._postmaster = postmaster
        atexit.register(self.release)
        postmaster.call_on_loss(lambda: self._give_up_ownership(postmaster))

    def _start(self, place: Place, progress: Progress) -> Postmaster:
        binaries = find_binaries(self._environment, cluster_major(place))
        binaries = reachable_binaries(binaries, place.account, place.home)
        if cluster_major(place) is None:
            progress(f"creating the database with PostgreSQL {binaries.version} in {place.home}")
            create_cluster(place, binaries, durable=self._durable)
        else:
            remove_leftovers(place)
        place.make_private_folder(place.log_folder)
        write_configuration(place, durable=self._durable)
        self._socket_folder = socket_folder = prepare_socket_folder(place)

        def record(pid: int, *, is_ready: bool) -> None:
            write_record(place, ServerRecord(os.getpid(), pid, str(socket_folder), is_ready))

        def announce(pid: int) -> None:
            record(pid, is_ready=False)

        postmaster = start_postmaster(place, binaries, socket_folder, announce, progress, self._pause)
        try:
            record(postmaster.pid, is_ready=True)
        except BaseException:
            postmaster.stop()
            raise
        return postmaster

    def _give_up_ownership(self, ended: Postmaster) -> None:
        """Let whoever comes first, also us, start the server again that ended by itself.

        Another thread may have started the next one before this news was heard: then the lock stands for that one.
        """
        with self._mutex:
            if self._postmaster is ended and self._lock is not None and self._lock.is_held:
                get_logger().warning("postgres_ended", home=str(self._place.home if self._place else ""))
                self._lock.release()

    def _watch(self, progress: Progress, interval: float) -> None:
        wait = interval
        while not self._is_released.wait(wait):
            try:
                if not self.is_healthy:
                    self._recover_unless_released(progress)
                wait = interval
            except CancelledStartError:
                return
            except (PostgresError, OSError) as error:
                wait = min(wait * 2, _LONGEST_RETRY_SECONDS)
                get_logger().exception("postgres_recovery_failed", reason=str(error), retry_in_seconds=wait)

    def _recover_unless_released(self, progress: Progress) -> None:
        with self._mutex:
            if self._is_released.is_set():
                return
            self._own_or_attach(progress)

    def _pause(self, seconds: float) -> None:
        if self._is_released.wait(seconds):
            raise CancelledStartError("the embedded server was released while it started")


def _takes_connections(socket_folder: str) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(2)
        try:
            probe.connect(f"{socket_folder}/{SOCKET_NAME}")
        except OSError:
            return False
    return True


@contextlib.contextmanager
def embedded_postgres(data_dir: Path, progress: Progress = _silent, *, durable: bool = True) -> Iterator[str]:
    """Have the server of the data folder running inside the `with` block; the value is its DSN."""
    server = EmbeddedPostgres(data_dir, durable=durable)
    try:
        yield server.ensure_running(progress)
    finally:
        server.release()


@contextlib.contextmanager
def throwaway_postgres(progress: Progress = _silent) -> Iterator[str]:
    """Have an empty server without durability inside the `with` block, for tests; nothing of it stays."""
    with tempfile.TemporaryDirectory(prefix="rasl-", ignore_cleanup_errors=True) as folder:
        if is_root():
            Path(folder).chmod(0o711)
        server = EmbeddedPostgres(Path(folder) / "data", durable=False)
        try:
            yield server.ensure_running(progress)
        finally:
            server.release()
            rmtree(server.home, ignore_errors=True)
