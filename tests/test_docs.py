"""What is documented is complete, and what it points at exists."""

import ast
import dataclasses
import datetime as dt
import re
import typing
from pathlib import Path

import msgspec
import pytest

from rasl.domain.events.catalogue import CATALOGUE, NOUNS
from rasl.domain.message_status import MessageStatus
from rasl.domain.otp_budgets import BUDGET_NAMES
from rasl.domain.records import Told, fields_of
from rasl.domain.records.contact import Contact, Type
from rasl.domain.scopes import ALL_SCOPES
from rasl.errors import ALL_ERRORS, ApiError, ValidationFailed
from rasl.services.sending.message_list import MESSAGE_LIST
from rasl.setting_names import environment_name
from rasl.settings import Settings
from tests.sources import tree_of

ROOT = Path(__file__).parent.parent
_ROOTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "metasim/README.md", "pgbox/README.md")
DOCUMENTS = [ROOT / name for name in _ROOTS] + sorted((ROOT / "docs").rglob("*.md"))
DECISIONS = sorted((ROOT / "docs/decisions").glob("*.md"))
PARTS = ("Context", "Decision", "Consequences", "Alternatives", "What enforces it")
# Where packages come from is the installer's setting, never this project's: other hosts are named here or not at all.
HOSTS = frozenset(
    {
        "127.0.0.1",
        "{host}",
        "rasl",  # nginx's name for its upstreams
        "graph.facebook.com",
        "developers.facebook.com",
        "semver.org",
    }
)


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _row(name: str, word: str) -> str:
    """Return the table row whose first cell is the word."""
    rows = [line for line in _text(name).splitlines() if line.startswith(f"| `{word}` |")]
    assert len(rows) == 1, f"{name} has {len(rows)} rows for {word}"
    return rows[0]


@pytest.mark.parametrize("field", dataclasses.fields(Settings), ids=lambda field: field.name)
def test_every_setting_is_documented(field: "dataclasses.Field[object]") -> None:
    assert field.metadata["help"] in _row("docs/settings.md", environment_name(field.name))


def _field_row(told: Told) -> str:
    """Write the row of a field as the document has it."""
    kinds = {str: "text", int: "number", bool: "true or false", list[int]: "numbers", dt.datetime: "moment"}
    choices = typing.get_args(told.plain_type) if told.type is Type else ()
    kind = ", ".join(f"`{choice}`" for choice in choices) or kinds.get(told.plain_type, "object")
    longest = told.rules.max_length
    kind += f", at most {longest:,}{' characters' if told.plain_type is str else ''}" if longest else ""
    written = ("required" if told.is_required else "can be null") if told.field.is_written else "read only"
    lists = {"filter": told.field.filter, "sort": told.field.is_sorted}
    names = ", ".join(name for name, is_so in lists.items() if is_so)
    return f"| `{told.name}` | {kind} | {written} | {names} | `{told.shown_as}` | `{told.heading}` |"


@pytest.mark.parametrize("told", fields_of(Contact), ids=lambda told: told.name)
def test_every_field_of_a_contact_is_documented(told: Told) -> None:
    assert _row("docs/contacts.md", told.name) == _field_row(told)


@pytest.mark.parametrize("error", ALL_ERRORS, ids=lambda error: error.code)
def test_every_error_is_documented_with_its_status_and_details(error: type[ApiError]) -> None:
    row = _row("docs/errors.md", error.code)
    assert f"| {error.status} |" in row
    if error is not ValidationFailed:  # its details are named like the fields of each request
        assert all(f"`{name}`" in row for name in error.example_details or {})


def test_no_error_is_documented_that_does_not_exist() -> None:
    named = set(re.findall(r"^\| `([A-Z_]+)` \|", _text("docs/errors.md"), re.MULTILINE))
    assert named == {error.code for error in ALL_ERRORS}


@pytest.mark.parametrize("type_", CATALOGUE)
def test_every_event_is_documented(type_: str) -> None:
    kind = CATALOGUE[type_]
    asked = "if asked for" if kind.is_opt_in else "always"
    shape = kind.shape.__name__.removeprefix("Event")
    assert _row("docs/events.md", type_) == f"| `{type_}` | {kind.when} | {asked} | {shape} |"


@pytest.mark.parametrize(
    "shape", list(dict.fromkeys(kind.shape for kind in CATALOGUE.values())), ids=lambda shape: shape.__name__
)
def test_every_shape_of_events_is_documented(shape: type[msgspec.Struct]) -> None:
    fields = ", ".join(f"`{name}`" for name in shape.__struct_fields__)
    assert _row("docs/events.md", shape.__name__.removeprefix("Event")) == (
        f"| `{shape.__name__.removeprefix('Event')}` | {shape.__doc__} | {fields} |"
    )


def test_all_that_events_tell_of_is_documented() -> None:
    assert all(f"`{noun}.*`" in _text("docs/events.md") for noun in NOUNS)


@pytest.mark.parametrize("name", BUDGET_NAMES)
def test_every_budget_is_documented(name: str) -> None:
    assert f"`{name}`" in _text("docs/otp.md")


@pytest.mark.parametrize("scope", ALL_SCOPES)
def test_every_scope_is_documented(scope: str) -> None:
    assert _row("docs/scopes.md", scope)


@pytest.mark.parametrize("status", MessageStatus)
def test_every_status_of_a_message_is_documented(status: MessageStatus) -> None:
    assert f"| `{status}`" in _text("docs/messages.md") or f", `{status}`" in _text("docs/messages.md")


@pytest.mark.parametrize("name", MESSAGE_LIST.filters)
def test_every_filter_of_messages_is_documented(name: str) -> None:
    assert f"`{name}`" in _text("docs/messages.md")


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_every_decision_has_its_parts(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [part for part in headings if part in PARTS] == list(PARTS)
    number = int(path.stem.partition("-")[0])
    assert text.startswith(f"# {number}. ")


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = [int(path.stem.partition("-")[0]) for path in DECISIONS]
    assert numbers == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    dead = [link for link in links if "://" not in link and not (path.parent / link).exists()]
    assert not dead


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_documents_link_only_to_hosts_they_need(path: Path) -> None:
    named = set(re.findall(r"https?://([\w.{}-]+)", path.read_text(encoding="utf-8")))
    assert named <= HOSTS


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_document_is_reachable_from_the_readme_or_a_folder_it_names(path: Path) -> None:
    readme = _text("README.md")
    name = path.relative_to(ROOT).as_posix()
    assert (
        name == "README.md"
        or f"({name})" in readme
        or f"({path.parent.relative_to(ROOT).as_posix()}/)" in readme
    )


def test_the_readme_begins_with_the_two_commands_and_the_tour_uses_real_fields() -> None:
    readme = _text("README.md")
    assert readme.index("make run") < readme.index("make test") < readme.index("## The first ten minutes")
    demo = _text("rasl/sandbox/demo.py") + _text("rasl/sandbox/running.py")
    asked = set(re.findall(r"\$\(get (\w+)\)", readme))
    assert asked
    assert all(f'"{name}"' in demo or f'}}{name}"' in demo for name in asked)


def test_every_path_the_architecture_names_exists() -> None:
    named = set(re.findall(r"`((?:[a-z]+/)+[a-z_]+\.py)`", _text("docs/architecture.md")))
    assert len(named) > 5
    assert [
        name for name in sorted(named) if not (ROOT / "rasl" / name).exists() and not (ROOT / name).exists()
    ] == []


def test_every_package_of_the_house_stands_in_the_architecture() -> None:
    text = _text("docs/architecture.md")
    packages = {path.parent.name for path in (ROOT / "rasl").glob("*/__init__.py")}
    assert {name for name in packages if f"`{name}/`" not in text} == set()


def test_every_test_a_decision_names_exists() -> None:
    for path in DECISIONS:
        for name in re.findall(r"`(tests/[\w/]+(?:\.py)?)/?`", path.read_text(encoding="utf-8")):
            assert (ROOT / name).exists(), f"{path.name} names {name}"


def test_the_changelog_has_something_to_say() -> None:
    _, _, unreleased = _text("CHANGELOG.md").partition("## Unreleased")
    assert len(re.findall(r"^- ", unreleased, re.MULTILINE)) >= 5


def test_contributing_is_short_and_ends_with_what_to_write() -> None:
    lines = _text("CONTRIBUTING.md").splitlines()
    assert len(lines) <= 90
    assert [line for line in lines if line.startswith("## ")][-1] == "## To add X, write these files"


def test_every_public_module_says_in_a_sentence_what_it_is() -> None:
    for path in sorted((ROOT / "rasl").rglob("*.py")):
        docstring = ast.get_docstring(tree_of(path))
        assert docstring, path
