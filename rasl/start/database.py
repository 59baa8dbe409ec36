"""What every command does first: the database is up, the secret key is there, the schema is current."""

import asyncio
import contextlib
import dataclasses
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncpg

from pgbox import EmbeddedPostgres
from rasl.db import schema
from rasl.sealing import Sealer
from rasl.services.operators import installation
from rasl.settings import Settings, stray_variables
from rasl.start.errors import StartError

OLDEST_POSTGRES = 15
_CONNECT_SECONDS = 10.0

Progress = Callable[[str], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Prepared:
    """Settings with their secret key, and the address of a database that answers."""

    settings: Settings
    dsn: str


def silent(_line: str) -> None:
    """Take progress lines and show nothing."""


@contextlib.contextmanager
def prepared(
    settings: Settings, progress: Progress = silent, *, is_lasting: bool = False
) -> Iterator[Prepared]:
    """Have a migrated database, whose secret key ours is, inside the block.

    A lasting process brings the embedded server back when the process that ran it ends.
    """
    for line in stray_variables(os.environ):
        progress(f"warning: {line}")
    with reachable(settings, progress, is_lasting=is_lasting) as found:
        migrate(found, progress)
        yield found


@contextlib.contextmanager
def reachable(
    settings: Settings, progress: Progress = silent, *, is_lasting: bool = False
) -> Iterator[Prepared]:
    """Have a database that answers inside the block, in whatever state its schema is."""
    if not settings.is_embedded:
        check_server(settings.database_url)
        yield Prepared(settings, settings.database_url)
        return
    # Ours is started, or attached to where another process of this installation runs it.
    make_data_folder(settings.data_dir)
    server = EmbeddedPostgres(settings.data_dir)
    try:
        dsn = server.ensure_running(progress)
        if is_lasting:
            server.watch(progress)
        yield Prepared(with_secret_key(settings), dsn)
    finally:
        server.release()


def make_data_folder(folder: Path) -> None:
    """Create the data folder if need be; raises StartError when nothing can be written into it."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            # Root's server runs under another account, which has to pass through; what we put in is 0600.
            folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise StartError(
            "DATA_DIR_NOT_WRITABLE",
            f"The data folder {folder.absolute()} cannot be written ({error.strerror}): "
            "make it writable or set RASL_DATA_DIR to another folder.",
        ) from None


def secret_key_path(settings: Settings) -> Path:
    """Where the generated key of an embedded installation is."""
    return settings.data_dir / "secret.key"


def with_secret_key(settings: Settings) -> Settings:
    """Return the settings with their secret key: the given one, or the data folder's, made at the first start."""
    if settings.secret_key:
        return settings
    path = secret_key_path(settings)
    key = read_secret_key(path)
    if key is None:
        keep_secret_key(path, secrets.token_hex(32))
        key = read_secret_key(path)
    if key is None or len(key) < 32:
        raise StartError(
            "SECRET_KEY_DAMAGED",
            f"{path.absolute()} holds no usable key: bring it back from a backup, "
            "because what is encrypted in the database cannot be read without it.",
        )
    return dataclasses.replace(settings, secret_key=key)


def read_secret_key(path: Path) -> str | None:
    """Return the key in the file, None when there is no file."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise StartError(
            "SECRET_KEY_UNREADABLE",
            f"{path.absolute()} cannot be read ({reason}): run RASL as the user who owns it.",
        ) from None


def keep_secret_key(path: Path, key: str) -> None:
    """Create the file complete and at once; when several processes try, the first one's key is everybody's."""
    descriptor, staging = tempfile.mkstemp(prefix=".secret.key.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{key}\n")
            file.flush()
            os.fchmod(file.fileno(), 0o600)
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(staging, path)
    except OSError as error:
        raise StartError(
            "DATA_DIR_NOT_WRITABLE",
            f"{path.absolute()} cannot be written ({error.strerror}): set RASL_SECRET_KEY.",
        ) from None
    finally:
        Path(staging).unlink(missing_ok=True)


def migrate(found: Prepared, progress: Progress = silent, *, adopts_key: bool = False) -> list[str]:
    """Bring the schema up to date and have the secret key checked; returns what was applied.

    MigrationError says why it cannot be. `adopts_key` makes the key the installation's, whichever was it before.
    """
    try:
        return asyncio.run(_migrate(found, progress, adopts_key))
    except asyncpg.LockNotAvailableError:
        raise StartError(
            "MIGRATION_BLOCKED",
            "A migration waited 10 seconds for a table in use: end the long-running query, then start again.",
        ) from None
    except asyncpg.InsufficientPrivilegeError as error:
        raise StartError(
            "MIGRATION_FORBIDDEN",
            f"The database user may not change the schema ({error}): grant it the right to.",
        ) from None
    except installation.WrongKeyError as error:
        raise StartError("SECRET_KEY_WRONG", str(error)) from None


async def _migrate(found: Prepared, progress: Progress, adopts_key: bool) -> list[str]:
    sealer = Sealer(found.settings.secret_key)
    connection = await asyncpg.connect(found.dsn, timeout=_CONNECT_SECONDS)
    try:
        if not adopts_key:
            # First of all: with the key of another installation, the database may be another one's as well.
            await installation.check_key(connection, sealer)
        applied = await schema.migrate(found.dsn, progress)
        await (installation.adopt_key if adopts_key else installation.claim_key)(connection, sealer)
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)
    return applied


def check_server(dsn: str) -> str:
    """Return the version of an external server; raises StartError when it cannot be used."""
    return asyncio.run(_check_server(dsn))


async def _check_server(dsn: str) -> str:
    try:
        connection = await asyncpg.connect(dsn, timeout=_CONNECT_SECONDS)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, ValueError, TimeoutError) as error:
        raise _connect_failure(error) from None
    try:
        version = connection.get_server_version()
    finally:
        await connection.close(timeout=_CONNECT_SECONDS)
    if version.major < OLDEST_POSTGRES:
        raise StartError(
            "DATABASE_TOO_OLD",
            f"The database server is PostgreSQL {version.major}, RASL needs {OLDEST_POSTGRES} or newer: "
            "upgrade it, or unset RASL_DATABASE_URL to use the embedded one.",
        )
    return f"{version.major}.{version.micro}"


_REFUSALS: tuple[tuple[tuple[type[Exception], ...], str, str], ...] = (
    (
        (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError),
        "DATABASE_LOGIN_REFUSED",
        "The database refuses the user or password in RASL_DATABASE_URL: correct them or the server's pg_hba.conf.",
    ),
    (
        (asyncpg.InvalidCatalogNameError,),
        "DATABASE_MISSING",
        "The database named in RASL_DATABASE_URL does not exist: create it with `createdb`.",
    ),
    (
        (asyncpg.TooManyConnectionsError,),
        "DATABASE_FULL",
        "The database takes no more connections: raise max_connections or lower RASL_POOL_SIZE.",
    ),
    (
        (OSError, TimeoutError, asyncpg.CannotConnectNowError),
        "DATABASE_UNREACHABLE",
        "The database in RASL_DATABASE_URL cannot be reached ({}): check host and port, and that the server runs.",
    ),
    (
        (asyncpg.InterfaceError, ValueError),
        "DATABASE_URL_INVALID",
        "RASL_DATABASE_URL cannot be read: write it as postgresql://user:password@host:5432/name.",
    ),
)


def _connect_failure(error: Exception) -> StartError:
    """Translate; the error's own text may hold the address and stays out."""
    reason = getattr(error, "strerror", None) or type(error).__name__
    for kinds, code, sentence in _REFUSALS:
        if isinstance(error, kinds):
            return StartError(code, sentence.format(reason))
    return StartError("DATABASE_REFUSED", f"The database refuses the connection ({reason}): see its log.")
