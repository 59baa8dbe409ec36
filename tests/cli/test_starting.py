"""What every command does first, what it says when that fails, and migrations."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from rasl.cli import COMMANDS, run
from tests.cli.commands import Rasl, environment


def test_it_works_alone_and_keeps_everything_private(empty_dir: Path) -> None:
    alone = Rasl(empty_dir, "")
    created = alone("tenant", "create", "Acme", "--subdomain", "acme", "--json")
    assert created.code == 0
    assert "migrating 0001_foundation" in created.err
    assert created.value["subdomain"] == "acme"
    key = empty_dir / "secret.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    first_key = key.read_text(encoding="ascii")
    assert [item["subdomain"] for item in alone.good("tenant", "list")["tenants"]] == ["acme"]
    assert key.read_text(encoding="ascii") == first_key
    assert not stat.S_IMODE(empty_dir.stat().st_mode) & 0o066


def test_processes_that_start_together_agree_on_one_key(empty_dir: Path) -> None:
    program = (
        "from pathlib import Path; from rasl.settings import Settings; from rasl.start.database import with_secret_key;"
        "print(with_secret_key(Settings.from_environment()).secret_key)"
    )
    empty_dir.mkdir()
    running = [
        subprocess.Popen(  # noqa: S603 - ourselves
            [sys.executable, "-c", program], env=environment(empty_dir, {}), stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    keys = {process.communicate(timeout=60)[0].strip() for process in running}
    assert len(keys) == 1
    assert len(keys.pop()) == 64
    assert [path.name for path in empty_dir.iterdir()] == ["secret.key"]


@pytest.mark.parametrize("arguments", [["--help"], *([command.name, "--help"] for command in COMMANDS)])
def test_every_command_explains_itself(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 0
    assert "Usage: rasl" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [["nope"], ["tenant", "create"], ["tenant", "nope"], ["token", "list"], ["serve", "--port", "x"]],
)
def test_wrong_calls_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    said = capsys.readouterr()
    assert said.err.startswith("error: ")
    assert not said.out
    assert run([*arguments, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["code"] == "USAGE"


def test_wrong_settings_are_all_named(rasl: Rasl) -> None:
    error = rasl.bad("tenant", "list", RASL_PORT="x", RASL_LOG_FORMAT="xml")
    assert error["code"] == "SETTINGS_INVALID"
    assert "RASL_PORT" in error["message"]


def test_a_database_that_is_not_there_is_one_sentence(rasl: Rasl) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"postgresql://rasl:very-secret-password@127.0.0.1:{port}/rasl"
    outcome = rasl("tenant", "list", RASL_DATABASE_URL=url, RASL_SECRET_KEY="k" * 40)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert "cannot be reached" in outcome.err
    assert "very-secret-password" not in outcome.everything
    error = rasl.bad("tenant", "list", RASL_DATABASE_URL="nonsense://x", RASL_SECRET_KEY="k" * 40)
    assert error["code"] == "DATABASE_URL_INVALID"


def test_an_external_database_that_does_not_exist_is_named(rasl: Rasl) -> None:
    url = rasl.dsn.replace(":///rasl?", ":///elsewhere?")
    error = rasl.bad("tenant", "list", RASL_DATABASE_URL=url, RASL_SECRET_KEY="k" * 40)
    assert error["code"] == "DATABASE_MISSING"
    wrong_user = rasl.dsn.replace("user=rasl", "user=stranger")
    error = rasl.bad("tenant", "list", RASL_DATABASE_URL=wrong_user, RASL_SECRET_KEY="k" * 40)
    assert error["code"] == "DATABASE_LOGIN_REFUSED"


def test_a_data_folder_that_cannot_be_written_is_named(rasl: Rasl, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    error = rasl.bad("tenant", "list", RASL_DATA_DIR=str(tmp_path / "file" / "data"))
    assert error["code"] == "DATA_DIR_NOT_WRITABLE"
    assert "RASL_DATA_DIR" in error["message"]


@pytest.mark.parametrize("command", [["serve"], ["simulator"], ["sandbox"]])
def test_a_port_in_use_is_named(rasl: Rasl, empty_dir: Path, command: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        options = ["--port", port] if command == ["simulator"] else []
        error = rasl.bad(*command, *options, RASL_PORT=port, RASL_DATA_DIR=str(empty_dir))
    assert error["code"] == "PORT_IN_USE"
    assert port in error["message"]


def test_migrate_reports_drift_and_mends_nothing_by_itself(rasl: Rasl) -> None:
    rasl.good("tenant", "list")
    assert rasl.good("migrate") == {"applied": []}
    assert rasl.good("migrate", "--check") == {"ok": True, "drift": []}
    rasl.query("create table made_by_hand (id int)")
    try:
        checked = rasl("migrate", "--check", "--json")
        assert checked.code == 1
        assert checked.value["ok"] is False
        assert any("made_by_hand" in item for item in checked.value["drift"])
        assert "+ column made_by_hand.id" in rasl("migrate", "--check").out
    finally:
        rasl.query("drop table made_by_hand")


def test_a_database_from_the_future_is_refused(rasl: Rasl) -> None:
    rasl.good("tenant", "list")
    rasl.query("insert into schema_migrations (name, checksum) values ('9999_future', 'x')")
    try:
        error = rasl.bad("tenant", "list")
    finally:
        rasl.query("delete from schema_migrations where name = '9999_future'")
    assert error["code"] == "MIGRATION_REFUSED"
    assert "9999_future" in error["message"]


def test_output_may_be_closed_early(rasl: Rasl) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "rasl", "tenant", "list"],
        env=environment(rasl.data_dir, {}),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert "Traceback" not in done.stderr
