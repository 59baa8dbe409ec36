"""`rasl contacts`: files in and out, without a worker."""

import json
from pathlib import Path

import pytest

from tests.cli.commands import Rasl

ROWS = "".join(f"+4915{number:09},Name{number}\n" for number in range(12_000))


@pytest.fixture(scope="module")
def tenants(rasl: Rasl) -> Rasl:
    """The command, with two tenants."""
    for name in ("acme", "globex"):
        rasl.good("tenant", "create", name.title(), "--subdomain", name)
    return rasl


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file of people."""
    path = tmp_path / "people.csv"
    path.write_text(f"Phone,Name\n{ROWS}nonsense,X\n+4915000000000,again\n", encoding="utf-8")
    return path


def test_a_file_goes_in_and_comes_out(tenants: Rasl, people: Path, tmp_path: Path) -> None:
    dry = tenants.good("contacts", "import", "--tenant", "acme", str(people), "--dry-run")
    assert tenants.query("select count(*) from contacts")[0][0] == 0
    done = tenants.good("contacts", "import", "--tenant", "acme", str(people))
    counts = {"total": 12_002, "created": 12_000, "updated": 0, "skipped": 1, "failed": 1, "status": "done"}
    assert {name: done[name] for name in counts} == {name: dry[name] for name in counts} == counts
    assert done["errors"][0]["row"] == 12_002
    out = tmp_path / "out.csv"
    assert tenants.good("contacts", "export", "--tenant", "acme", str(out))["bytes"] == out.stat().st_size
    assert len(out.read_text(encoding="utf-8").splitlines()) == 12_001
    again = tenants.good("contacts", "import", "--tenant", "acme", str(out), "--on-duplicate", "update")
    assert (again["updated"], again["failed"]) == (12_000, 0)
    assert tenants.query("select count(*) from contacts where updated_at > created_at")[0][0] == 0


def test_what_is_shown_to_people(tenants: Rasl, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("Tel,Remark\n+442079460011,x\nnope,y\n", encoding="utf-8")
    mapping = json.dumps({"Tel": "phone", "Remark": None})
    outcome = tenants("contacts", "import", "--tenant", "globex", str(path), "--mapping", mapping)
    assert outcome.code == 0, outcome.everything
    assert "Imported: 1 created, 0 updated, 0 skipped, 1 failed." in outcome.out
    assert "row 3: phone:" in outcome.out
    shown = tenants(
        "contacts", "export", "--tenant", "globex", "--filter", "type=lead", "--search", "4420"
    ).out
    assert [line.split(",")[3] for line in shown.splitlines()] == ["phone", "+442079460011"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("import", "--tenant", "acme", "/nowhere.csv"), "INVALID_VALUE", "cannot be read"),
        (("import", "--tenant", "nobody", __file__), "NOT_FOUND", "nobody"),
        (("import", "--tenant", "acme", __file__), "VALIDATION_ERROR", "phone column"),
        (("import", "--tenant", "acme", __file__, "--on-duplicate", "x"), "VALIDATION_ERROR", "on_duplicate"),
        (("export", "--tenant", "acme"), "USAGE", "needs a file"),
        (("export", "--tenant", "acme", "/nowhere/x"), "INVALID_VALUE", "cannot be written"),
        (("export", "--tenant", "acme", "/nowhere/x.csv", "--filter", "type"), "USAGE", "FIELD=VALUE"),
    ],
)
def test_what_cannot_be_is_said(tenants: Rasl, arguments: tuple[str, ...], code: str, message: str) -> None:
    error = tenants.bad("contacts", *arguments)
    assert error["code"] == code
    assert message in error["message"]
