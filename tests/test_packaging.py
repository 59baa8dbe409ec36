"""What `pip install` gets: one wheel with the house, and the two that stand beside it."""

import configparser
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

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
    kinds = (".py", ".sql", ".md", ".css", ".js", ".png", ".webp", ".csv")
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


def test_the_command_is_in_it(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())
    assert dict(entry_points["console_scripts"]) == {"rasl": "rasl.cli:main"}
