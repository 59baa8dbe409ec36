"""Create the cluster once, in one step as seen from outside, and tell which version made it."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from pgbox.account import Account, is_root
from pgbox.binaries import Binaries
from pgbox.errors import PostgresError, StartFailedError
from pgbox.place import Place

SUPERUSER = "postgres"
NAME = "rasl"
_STAGING_PREFIX = "initdb."

# No superuser: a hole in the application must not become a shell. Extensions it needs are trusted ones, which
# the owner of a database may create; CREATEDB lets tests clone theirs from a template.
# Leaving out the checks of foreign keys makes large imports a fifth faster (`db/contact_import_rows.py`).
_CREATE = f"""\
CREATE ROLE {NAME} LOGIN CREATEDB
GRANT SET ON PARAMETER session_replication_role TO {NAME}
CREATE DATABASE {NAME} OWNER {NAME}
"""

# Bytes decide the order (fast, and never changed by an update of the system); letters are those of Unicode.
_LOCALES = (("--locale=C", "--lc-ctype=C.UTF-8"), ("--locale=C", "--lc-ctype=en_US.UTF-8"), ("--locale=C",))


def cluster_major(place: Place) -> int | None:
    """Return the major version that made the cluster, None if there is none yet."""
    cluster = place.cluster
    try:
        text = (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if cluster.is_dir() and any(cluster.iterdir()):
            raise PostgresError(
                f"{cluster} is not empty, but not a PostgreSQL cluster either (no PG_VERSION in it). "
                "Nothing was changed: restore it from a backup, or move it away to begin anew."
            ) from None
        return None
    if not text.isdecimal():
        raise PostgresError(f"{cluster / 'PG_VERSION'} holds {text!r} where a version was expected")
    return int(text)


def create_cluster(place: Place, binaries: Binaries, *, durable: bool) -> None:
    """Make the cluster with its role and database; a killed attempt leaves nothing that looks like one."""
    if not place.account.has_name:
        raise PostgresError(
            f"uid {place.account.uid} has no name on this machine, and initdb refuses to work for it: add it "
            "to /etc/passwd, run RASL as root or as a listed user, or set RASL_DATABASE_URL"
        )
    remove_leftovers(place)
    staging = Path(tempfile.mkdtemp(prefix=_STAGING_PREFIX, dir=place.home))
    try:
        if is_root():
            os.chown(staging, place.account.uid, place.account.gid)
        _run_initdb(place.account, binaries, staging, durable=durable)
        options: list[str | Path] = [] if durable else ["-F"]
        single_user = [
            binaries.postgres,
            "--single",
            "-D",
            staging,
            "-c",
            "exit_on_error=on",
            *options,
            SUPERUSER,
        ]
        _run(place.account, single_user, "create the role and the database", _CREATE)
        if place.cluster.is_dir():
            place.cluster.rmdir()
        staging.rename(place.cluster)
        _sync_folder(place.home)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise


def remove_leftovers(place: Place) -> None:
    """Remove what killed attempts to create the cluster left behind."""
    for folder in place.home.glob(f"{_STAGING_PREFIX}*"):
        # The initdb of a process killed a moment ago may still write into it: the next start gets the rest.
        shutil.rmtree(folder, ignore_errors=True)


def server_environment() -> dict[str, str]:
    """Return the environment of PostgreSQL's programs: no secrets of ours, no PG* settings of the user."""
    environment = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
    for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        if name in os.environ:
            environment[name] = os.environ[name]
    return environment


def _run_initdb(account: Account, binaries: Binaries, folder: Path, *, durable: bool) -> None:
    options: list[str | Path] = [
        "--pgdata",
        folder,
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        # Only for someone who starts the cluster by hand: we bring our own hba.conf.
        "--auth-local=trust",
        "--auth-host=reject",
        "--data-checksums",
        "--no-instructions",
    ]
    if not durable:
        options.append("--no-sync")
    for locale in _LOCALES:
        try:
            _run(account, [binaries.initdb, *options, *locale], "create the database cluster")
        except StartFailedError as error:
            if "invalid locale" not in str(error):
                raise
        else:
            return
    raise StartFailedError("initdb accepts not even the locale C")


def _run(account: Account, program: list[str | Path], purpose: str, text: str = "") -> None:
    outcome = subprocess.run(  # noqa: S603 - the binaries were chosen by find_binaries, the arguments are ours
        account.command(signal.SIGKILL, *program),
        input=text,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
        cwd="/",
        env=server_environment(),
        start_new_session=True,
    )
    if outcome.returncode != 0:
        ending = "\n".join(outcome.stdout.strip().splitlines()[-12:])
        raise StartFailedError(
            f"Cannot {purpose} ({Path(program[0]).name} ended with {outcome.returncode}):\n{ending}"
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
