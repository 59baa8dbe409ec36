"""Who runs PostgreSQL: ourselves, or, because it refuses root, the account that root drops to."""

import os
import pwd
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pgbox.errors import PostgresError

_LAUNCHER = Path(__file__).with_name("launch.py")
_PREFERRED = ("postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """A user id and its primary group."""

    uid: int
    gid: int

    @property
    def name(self) -> str:
        """The login name, or the bare number where no such user is listed."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    @property
    def has_name(self) -> bool:
        """Whether the user is listed, without which initdb refuses to work."""
        return self.name != str(self.uid)

    def first_barrier(self, path: Path) -> Path | None:
        """Return the outermost part of the path that this account cannot enter (or execute)."""
        real = path.resolve()
        for folder in (*reversed(real.parents), real):
            if not self._has_search_right(folder):
                return folder
        return None

    def command(self, death_signal: signal.Signals, *program: str | Path) -> list[str]:
        """Return the command that runs the program as this account until the calling thread dies."""
        numbers = (os.getpid(), self.uid, self.gid, int(death_signal))
        return [sys.executable, "-I", "-S", str(_LAUNCHER), *map(str, numbers), *map(str, program)]

    def _has_search_right(self, path: Path) -> bool:
        status = path.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & 0o100)
        if status.st_gid == self.gid:
            return bool(status.st_mode & 0o010)
        return bool(status.st_mode & 0o001)


def ourselves() -> Account:
    """Return the account of this process."""
    return Account(os.geteuid(), os.getegid())


def is_root() -> bool:
    """Whether this process may become another user."""
    return os.geteuid() == 0


def owner_of(path: Path) -> Account:
    """Return the account that owns the path."""
    status = path.lstat()
    try:
        return Account(status.st_uid, pwd.getpwuid(status.st_uid).pw_gid)
    except KeyError:
        return Account(status.st_uid, status.st_gid)


def preferred_account(environment: Mapping[str, str]) -> Account:
    """Return the account for a new database: ourselves, or for root a wished or a usual one."""
    if not is_root():
        return ourselves()
    wanted = environment.get("RASL_POSTGRES_USER", "").strip()
    for name in [wanted] if wanted else _PREFERRED:
        account = _find_account(name)
        if account is not None and account.uid != 0:
            return account
    if wanted:
        raise PostgresError(
            f"RASL_POSTGRES_USER: there is no user {wanted!r} other than root on this machine"
        )
    raise PostgresError(
        "PostgreSQL refuses to run as root and there is no user `postgres` or `nobody` to run it as; "
        "set RASL_POSTGRES_USER to a user name or number"
    )


def _find_account(name: str) -> Account | None:
    try:
        entry = pwd.getpwuid(int(name)) if name.isdecimal() else pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_uid, entry.pw_gid)
