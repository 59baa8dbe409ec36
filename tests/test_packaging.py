"""What `pip install` gets: one wheel with the house, and the two that stand beside it."""

import configparser
import json
import signal
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from rasl.cli import COMMANDS
from tests.cli.commands import environment
from tests.cli.conftest import make_data_dir
from tests.ports import free_port

ROOT = Path(__file__).parent.parent
GUIDES = "rasl/api/docs/guides/"
PACKAGES = ("rasl", "metasim", "pgbox")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built here and now: hatchling is installed, and nothing is fetched."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own interpreter
    (built,) = folder.glob("*.whl")
    return zipfile.ZipFile(built)


def test_it_holds_the_three_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    tops = {name.partition("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_file_of_a_package_is_in_it(wheel: zipfile.ZipFile, package: str) -> None:
    kinds = (".py", ".sql", ".md", ".html", ".css", ".js", ".png", ".webp", ".csv")
    files = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*") if path.suffix in kinds}
    named = {name for name in wheel.namelist() if name.startswith(f"{package}/")}
    assert files == {name for name in named if not name.startswith(GUIDES)}


def test_the_guides_are_in_it(wheel: zipfile.ZipFile) -> None:
    shown = {name.removeprefix(GUIDES) for name in wheel.namelist() if name.startswith(GUIDES)}
    assert shown == {
        str(path.relative_to(ROOT / "docs")) for path in (ROOT / "docs").rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("package", ["metasim", "pgbox"])
def test_what_stands_beside_the_house_says_what_it_is(wheel: zipfile.ZipFile, package: str) -> None:
    assert wheel.read(f"{package}/README.md").decode().startswith(f"# {package}\n")


def test_the_migrations_are_in_it(wheel: zipfile.ZipFile) -> None:
    assert "rasl/db/migrations/0001_foundation.sql" in wheel.namelist()


@pytest.fixture(scope="module")
def installed(wheel: zipfile.ZipFile, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment beside the repository with the wheel alone; its dependencies are those of this one."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    paths = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    command = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "install", "--quiet"]
    options = ["--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check", "--ignore-installed"]
    subprocess.run([*command, *options, str(wheel.filename)], check=True, capture_output=True)  # noqa: S603 - ours
    return folder / "bin"


def test_it_works_away_from_the_repository(installed: Path, tmp_path: Path) -> None:
    env = environment(tmp_path, {})

    def python(code: str) -> str:
        return _said([str(installed / "python"), "-c", code], tmp_path, env)

    assert python("import rasl, metasim, pgbox; print(rasl.__file__)").startswith(str(installed.parent))
    assert _said([str(installed / "rasl"), "--version"], tmp_path, env).startswith("rasl ")
    modules = ", ".join(command.module for command in COMMANDS)
    assert python(f"import {modules}; print('all')") == "all\n"


@pytest.mark.acceptance
def test_the_first_ten_minutes_need_no_repository(installed: Path) -> None:
    """From a wheel alone: the sandbox, a message, somebody who answers, what came of it."""
    for data_dir in make_data_dir():
        env = environment(data_dir, {"RASL_PORT": str(free_port())})
        folder = installed.parent
        rasl = str(installed / "rasl")
        with subprocess.Popen(  # noqa: S603 - ours
            [rasl, "sandbox", "--json"], cwd=folder, env=env, stdout=subprocess.PIPE
        ) as sandbox:
            try:
                assert sandbox.stdout is not None
                assert json.loads(sandbox.stdout.readline())["pid"] == sandbox.pid
                told = json.loads(_said([rasl, "send", "+15550100001", "Hello", "--json"], folder, env))
                assert told["status"] == "sent"
                message = str(told["chat_message_id"])
                _said([rasl, "trigger", "inbound", "Hi", "--reply-to", message], folder, env)
                answer = json.loads(_said([rasl, "api", f"/messages/{message}"], folder, env))
                assert answer["data"]["message"] == "Hello"
                number = json.loads(_said([rasl, "whatsapp", "list", "--tenant=acme", "--json"], folder, env))
                assert len(number["numbers"]) == 1
            finally:
                sandbox.send_signal(signal.SIGINT)
                assert sandbox.wait(60) == 0


def _said(command: list[str], folder: Path, env: dict[str, str]) -> str:
    """Run a command away from the repository and return what it says; it must end well."""
    done = subprocess.run(  # noqa: S603 - ours
        command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_command_is_in_it(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {"rasl": "rasl.cli:main"}
