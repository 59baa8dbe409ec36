"""The table of CONTRIBUTING.md, which says where a new thing goes, names what is there."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rasl import dashboard, platforms
from rasl.cli import COMMANDS
from rasl.dispatch.kinds import KINDS
from rasl.domain.tenants import PLAN_LIMITS
from rasl.errors import FeatureLimitExceeded
from rasl.services.inbound.changes import CHANGES

ROOT = Path(__file__).parent.parent
HOUSE = ROOT / "rasl"
TABLE = re.findall(
    r"^\| (an? .*?|something .*?) \| (.*) \|$",
    (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"),
    re.MULTILINE,
)
# A slot is a tuple of the files in its folder: nothing is found by import, and nothing lies there unused.
SLOTS = {
    "platforms": [module.__name__.rpartition(".")[2] for module in platforms.PLATFORMS],
    "dashboard": [module.__name__.rpartition(".")[2] for module in dashboard.PAGES],
    "dispatch/kinds": [kind.__module__.rpartition(".")[2] for kind in KINDS],
}


def found(path: str) -> list[Path]:
    """Return what a path of the table may mean: in the house or beside it, `<noun>` for any name, if only to come."""
    pattern = re.sub(r"<(platform|page)>", "__init__", path)
    pattern = re.sub(r"<\w+>", "*", pattern).replace("…", "**").rstrip("/")
    return [*HOUSE.glob(pattern), *ROOT.glob(pattern)]


def paths(cells: str) -> Iterator[str]:
    for word in re.findall(r"`([^`]*)`", cells):
        if "/" in word or word.endswith((".py", ".md")):
            yield word


def test_the_table_is_read() -> None:
    assert len(TABLE) > 15


@pytest.mark.parametrize(("thing", "cells"), TABLE, ids=[thing for thing, _ in TABLE])
def test_what_the_table_names_is_there(thing: str, cells: str) -> None:
    texts = []
    for path in paths(cells):
        files = found(path)
        assert files, f"{thing}: there is no {path}"
        folders = {file if file.is_dir() else file.parent for file in files}
        texts += [file.read_text(encoding="utf-8") for folder in folders for file in folder.glob("*.py")]
    for name in re.findall(r"`(?:\w+\.)?([A-Z_]{4,})`", cells):
        assert any(re.search(rf"^{name}\b", text, re.MULTILINE) for text in texts), f"{thing}: no {name}"


@pytest.mark.parametrize("folder", SLOTS)
def test_every_file_of_a_slot_is_in_its_tuple(folder: str) -> None:
    files = {file.stem for file in (HOUSE / folder).glob("*.py")} - {"__init__"}
    assert files == set(SLOTS[folder])


def test_every_command_is_in_the_tuple_of_commands() -> None:
    beside = {"__init__", "actor", "calling", "failures", "output", "places", "session", "tenant_options"}
    files = {file.stem for file in (HOUSE / "cli").glob("*.py")} - beside
    assert files == {command.name.replace("-", "_") for command in COMMANDS}


@pytest.mark.parametrize("limit", PLAN_LIMITS)
def test_a_limit_of_plans_that_is_reached_is_told(limit: str) -> None:
    error = FeatureLimitExceeded.of(limit.removeprefix("max_"), 5, 5)
    assert error.message.endswith("limit reached for the current plan")


@pytest.mark.parametrize("field", CHANGES)
def test_every_kind_of_change_has_a_payload_that_tests_read(field: str) -> None:
    texts = [file.read_text(encoding="utf-8") for file in (ROOT / "tests/graph/payloads").glob("*.json")]
    assert any(json.dumps(field) in text for text in texts)
