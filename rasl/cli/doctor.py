"""`rasl doctor`."""

import asyncio
import contextlib
import http.client
import os
import ssl
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import typer
from rich.table import Table

from pgbox import PostgresError
from rasl.cli.output import AsJson, progress, show
from rasl.db import schema
from rasl.db.pool import Database
from rasl.graph.client import GraphClient
from rasl.sandbox import as_running
from rasl.sealing import Sealer
from rasl.services.operators import disks
from rasl.services.operators.disks import Disk
from rasl.services.operators.doctor import Check, examine
from rasl.services.operators.readiness import Readiness
from rasl.settings import Settings, SettingsError, stray_variables
from rasl.start.database import (
    Prepared,
    check_server,
    make_data_folder,
    reachable,
    read_secret_key,
    secret_key_path,
)
from rasl.start.errors import StartError

_NETWORK_SECONDS = 5.0


def run(as_json: AsJson = False) -> None:
    """Check the installation, say how to mend what is wrong, and exit with 1 if anything is."""
    checks = list(_walk())
    is_well = all(check.ok for check in checks)
    failed = sum(not check.ok for check in checks)
    verdict = "All is well." if is_well else f"{failed} of {len(checks)} checks failed."
    show(as_json, {"ok": is_well, "checks": checks}, _table(checks), "", verdict)
    if not is_well:
        raise typer.Exit(1)


def _walk() -> Iterator[Check]:
    """Every step stands on the one before: the first that fails ends the walk."""
    if strays := stray_variables(os.environ):
        # A foreign variable may begin like ours; one that is nearly ours is a slip.
        is_slip = any("did you mean" in line for line in strays)
        yield Check("variables", not is_slip, "; ".join(strays), "Correct their names, or unset them.")
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        yield Check("settings", False, str(error), "docs/settings.md explains every setting.")
        return
    yield Check("settings", True, "are readable and do not contradict each other")
    settings = as_running(settings)
    if settings.is_embedded:
        try:
            make_data_folder(settings.data_dir)
        except StartError as error:
            yield _failed("data folder", error)
            return
        yield Check("data folder", True, f"{settings.data_dir.absolute()} can be written")
    yield from check_disks(disks.look(disks.folders_of(settings)))
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(reachable(settings, progress))
            version = check_server(found.dsn)
        except (StartError, PostgresError) as error:
            yield _failed("database", error)
            return
        yield Check(
            "database", True, f"PostgreSQL {version}{' (embedded)' if settings.is_embedded else ''} answers"
        )
        yield from _look_inside(found)


def _look_inside(found: Prepared) -> Iterator[Check]:
    settings = found.settings
    check = _check_schema(found.dsn)
    yield check
    if not check.ok and check.fix == _MIGRATE:
        return
    if (two_keys := _check_key_file(settings)) is not None:
        yield two_keys
    checks = asyncio.run(_examine(found))
    yield from checks
    if any(item.name.startswith("number ") for item in checks):
        yield _check_public_address(settings.base_url)


def check_disks(found: Sequence[Disk]) -> Iterator[Check]:
    """Tell once of each disk how much room it has left."""
    by_device = {disk.device: [other for other in found if other.device == disk.device] for disk in found}
    for shared in by_device.values():
        disk, names = shared[0], " and ".join(item.folder for item in shared)
        room = f"{disk.free / 1024**3:.1f} of {disk.size / 1024**3:.1f} GiB are free at {disk.path}"
        if disk.free_files is not None and disk.is_low:
            room += f", and room for {disk.free_files:,} files"
        fix = "Make room or enlarge the disk: when it is full, nothing can be accepted any more."
        yield Check(f"disk of {names}", not disk.is_low, room, fix if disk.is_low else None)


_MIGRATE = "rasl migrate"


def _check_schema(dsn: str) -> Check:
    try:
        differences = asyncio.run(schema.drift(dsn))
    except schema.CompareError as error:
        return _failed("schema", error)
    except schema.MigrationError as error:
        return Check("schema", False, str(error), "Use the version of RASL that this database was used with.")
    if not differences:
        return Check("schema", True, "is as this version made it")
    if all(item.startswith("- migration ") for item in differences):
        names = ", ".join(item.removeprefix("- migration ") for item in differences)
        return Check("schema", False, f"is not migrated: {names}", _MIGRATE)
    count = len(differences)
    return Check(
        "schema",
        False,
        f"differs in {count} places",
        "`rasl migrate --check` lists them all.",
    )


def _check_key_file(settings: Settings) -> Check | None:
    """Tell of two keys: whoever forgets to set the variable would use the other one."""
    if not settings.is_embedded:
        return None
    path = secret_key_path(settings)
    with contextlib.suppress(StartError):
        kept = read_secret_key(path)
        if kept is not None and kept != settings.secret_key:
            return Check(
                "secret key file",
                False,
                f"RASL_SECRET_KEY is another key than {path.absolute()}",
                "Keep the one that opens the stored secrets (see `secret key` below) and remove the other.",
            )
    return None


async def _examine(found: Prepared) -> list[Check]:
    settings = found.settings
    database = Database(found.dsn, 2)
    await database.open()
    try:
        problem = await Readiness(database).problem()
        writes = Check(
            "database writes",
            problem is None,
            problem or "the database takes what is written",
            None if problem is None else "Make room on its disk, or give the database user back its rights.",
        )
        async with GraphClient(settings.graph_base_url, settings.graph_version, _NETWORK_SECONDS, 4) as graph:
            sealer = Sealer(settings.secret_key)
            window = settings.unknown_window_seconds
            return [writes, *await examine(database, sealer, graph, settings.base_url, window)]
    finally:
        await database.close()


def _check_public_address(base_url: str) -> Check:
    """Knock where Meta would."""
    parts = urlsplit(base_url)
    try:
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=_NETWORK_SECONDS)
        with contextlib.closing(connection):
            connection.request("GET", f"{parts.path}/livez")
            status = connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) else getattr(error, "strerror", None)
        return Check(
            "public address",
            False,
            f"{base_url} does not answer ({reason or type(error).__name__})",
            "Start `rasl serve`; set RASL_PUBLIC_URL to the https address under which Meta reaches it.",
        )
    if status != 200:
        return Check(
            "public address",
            False,
            f"{base_url} is not RASL (HTTP {status})",
            "Set RASL_PUBLIC_URL rightly.",
        )
    return Check("public address", True, f"{base_url} answers")


def _failed(name: str, error: Exception) -> Check:
    problem, _, cure = str(error).partition(": ")
    return Check(name, False, problem, cure or "See the lines above.")


def _table(checks: list[Check]) -> Table:
    table = Table(box=None, pad_edge=False, show_header=False)
    for check in checks:
        text = check.message if check.fix is None else f"{check.message}\n-> {check.fix}"
        table.add_row("ok" if check.ok else "FAIL", check.name, text, style=None if check.ok else "red")
    return table
