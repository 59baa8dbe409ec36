"""`rasl backup` and `rasl restore`, as an operator runs them: from one embedded installation into a fresh one."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgbox import EmbeddedPostgres
from tests.cli.commands import Rasl, environment
from tests.cli.conftest import make_data_dir

NUMBER = "720000000000002"


@pytest.fixture(scope="module")
def filled(rasl: Rasl) -> Rasl:
    """An installation with a tenant, a token, something sealed and a file."""
    rasl.good("tenant", "create", "Keeper", "--subdomain", "keeper")
    rasl.good("token", "create", "--tenant", "keeper", "--name", "t", "--scopes", "all")
    rasl.good(*rasl.connect("keeper", NUMBER))
    (rasl.data_dir / "media/1/ab").mkdir(parents=True)
    (rasl.data_dir / "media/1/ab/picture").write_bytes(b"pixels")
    rasl.query(
        """
        insert into media (tenant_id, sha256, mime_type, kind, size, is_voice, origin, store_key)
        select id, '', 'image/png', 'image', 6, false, 'file', '1/ab/picture' from tenants
        """
    )
    return rasl


@pytest.fixture
def elsewhere() -> Iterator[Rasl]:
    """A fresh place; its database starts with the command and ends with it."""
    for folder in make_data_dir():
        yield Rasl(folder, "")


def test_a_backup_with_its_key_starts_elsewhere(filled: Rasl, elsewhere: Rasl, tmp_path: Path) -> None:
    archive = str(tmp_path / "all.tar")
    told = filled.good("backup", archive, "--include-key")
    assert (told["files"], told["has_secret_key"], told["tables"]["tenants"]) == (1, True, 1)
    assert "IS in it" in told["notes"][0]
    assert elsewhere.good("restore", archive, "--verify")["verified"] is True
    assert not elsewhere.data_dir.exists()
    restored = elsewhere.good("restore", archive)
    assert restored["restored"] == {"rows": told["rows"], "files": 1}
    key = (elsewhere.data_dir / "secret.key").read_text()
    assert key == (filled.data_dir / "secret.key").read_text()
    assert (elsewhere.data_dir / "media/1/ab/picture").read_bytes() == b"pixels"
    server = EmbeddedPostgres(elsewhere.data_dir, durable=False)
    there = Rasl(elsewhere.data_dir, server.ensure_running())
    try:
        for table in ("tenants", "tokens", "whatsapp_numbers", "meta_apps", "installation", "media"):
            assert there.query(f"select * from {table}") == filled.query(f"select * from {table}")
        assert there.good("tenant", "show", "--tenant", "keeper")["subdomain"] == "keeper"
        # What is sealed opens; and once somebody lives there, nothing is overwritten.
        doctor = there("doctor", "--json").value
        assert [item["ok"] for item in doctor["checks"] if item["name"] == "secret key"] == [True]
        assert there.bad("restore", archive)["code"] == "DATABASE_NOT_EMPTY"
    finally:
        server.release()


def test_a_backup_without_its_key_asks_for_it(filled: Rasl, elsewhere: Rasl, tmp_path: Path) -> None:
    archive = str(tmp_path / "bare.tar")
    outcome = filled("backup", archive)
    assert outcome.code == 0
    assert "The secret key is NOT in it" in outcome.out
    assert str(filled.data_dir / "secret.key") in outcome.out
    assert (filled.data_dir / "secret.key").read_text().strip().encode() not in Path(archive).read_bytes()
    assert elsewhere.bad("restore", archive)["code"] == "SECRET_KEY_MISSING"
    assert elsewhere.bad("restore", archive, RASL_SECRET_KEY="k" * 40)["code"] == "SECRET_KEY_WRONG"
    assert not elsewhere.data_dir.exists()


def test_what_is_wrong_is_one_sentence(filled: Rasl, tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    filled.good("backup", str(archive), "--no-media")
    assert filled.bad("backup", str(archive))["code"] == "ARCHIVE_EXISTS"
    assert filled.bad("backup", str(tmp_path / "no/folder.tar"))["code"] == "ARCHIVE_NOT_WRITABLE"
    assert filled.bad("restore", str(tmp_path / "none.tar"))["code"] == "ARCHIVE_NOT_READABLE"
    archive.write_bytes(archive.read_bytes()[:-15_000])
    assert filled.bad("restore", str(archive))["code"] == "ARCHIVE_DAMAGED"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_an_interrupted_backup_leaves_nothing(filled: Rasl, tmp_path: Path, number: signal.Signals) -> None:
    # It waits for a table that somebody holds: there is no better moment for Ctrl-C.
    holder = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-c", _HOLD, filled.dsn], stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    with holder:
        assert holder.stdout.readline() == b"held\n"
        backup = subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-m", "rasl", "backup", str(tmp_path / "x.tar")],
            env=environment(filled.data_dir, {}),
            stderr=subprocess.PIPE,
        )
        while not list(tmp_path.iterdir()):
            assert backup.poll() is None
        backup.send_signal(number)
        assert backup.wait(30) in {1, 130}
        assert backup.stderr is not None
        assert b"Traceback" not in backup.stderr.read()
        backup.stderr.close()
        assert list(tmp_path.iterdir()) == []
        holder.stdin.close()


_HOLD = """
import asyncio, sys, asyncpg
async def hold():
    connection = await asyncpg.connect(sys.argv[1])
    async with connection.transaction():
        await connection.execute("lock table messages")
        print("held", flush=True)
        sys.stdin.read()
asyncio.run(hold())
"""
