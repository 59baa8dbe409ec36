"""Clients that programs make of the document: they are built, and do what integrations do first."""

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installing import FOLDER, installed, run
from tests.clients.trying import ASSETS
from tests.documented import DOCUMENT
from tests.serving import Client

_QUIETLY = "project_name_override: rasl-client\npackage_name_override: rasl_client\npost_hooks: []\n"


def environment(sandbox: dict[str, Any]) -> dict[str, str]:
    return {
        "RASL_URL": sandbox["base_url"].removesuffix("/api/v2"),
        "RASL_TOKEN": sandbox["token"],
        "RASL_PICTURE": str(ASSETS / "picture.png"),
    }


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(DOCUMENT), encoding="utf-8")
    return path


async def check(client: Client, printed: str) -> None:
    """Compare what a client says it did with what the API shows."""
    told = json.loads(printed)
    sent = [await client.get(f"/api/v2/messages/{wamid}") for wamid in told["sent"]]
    kinds = [answer.data["type"] for answer in sent]
    assert kinds == ["text", "template", "image"]
    everybody = await client.get("/api/v2/contacts?per_page=100")
    assert len(everybody.data) > 10
    assert told["contacts"] == [contact["id"] for contact in everybody.data]
    assert told["refused"] == "VALIDATION_ERROR"


async def test_a_python_client_is_made_without_warnings_and_works(
    sandbox: dict[str, Any], client: Client, document: Path, tmp_path: Path
) -> None:
    lock = "requirements.lock"
    pip = (
        "own/bin/python",
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--require-hashes",
    )
    place = installed("python", lock, (sys.executable, "-m", "venv", "own"), (*pip, "-r", lock))
    own = place / "own" / "bin"
    settings = tmp_path / "settings.yaml"
    settings.write_text(_QUIETLY, encoding="utf-8")
    made = tmp_path / "rasl_client"
    run(
        *(own / "openapi-python-client", "generate", "--fail-on-warning", "--meta", "none"),
        *("--path", document, "--config", settings, "--output-path", made),
        folder=tmp_path,
    )
    told = environment(sandbox) | {"PYTHONPATH": str(tmp_path)}
    await check(client, run(own / "python", FOLDER / "python" / "use.py", folder=tmp_path, environment=told))


@pytest.fixture
def typescript(tmp_path: Path) -> Path:
    """A folder with the compiler, the generator and our program."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("Node is not installed")
    place = installed("ts", "package-lock.json", (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"))
    work = tmp_path / "ts"
    work.mkdir()
    for name in ("package.json", "tsconfig.json", "use.ts", "validate.mjs"):
        shutil.copy(FOLDER / "ts" / name, work)
    (work / "node_modules").symlink_to(place / "node_modules")
    return work


async def test_a_typescript_client_is_made_compiles_strictly_and_works(
    sandbox: dict[str, Any], client: Client, document: Path, typescript: Path
) -> None:
    programs = typescript / "node_modules" / ".bin"
    run(programs / "openapi-typescript", document, "--output", "api.d.ts", folder=typescript)
    run(programs / "tsc", folder=typescript)
    told = run("node", "built/use.js", folder=typescript, environment=environment(sandbox))
    await check(client, told)


def test_it_is_valid_by_a_validator_of_another_house(document: Path, typescript: Path) -> None:
    run("node", "validate.mjs", document, folder=typescript)
    broken = json.loads(document.read_text(encoding="utf-8"))
    broken["paths"]["/api/v2/contacts"]["get"]["tags"] = "Contacts"
    document.write_text(json.dumps(broken), encoding="utf-8")
    with pytest.raises(AssertionError, match="struct"):
        run("node", "validate.mjs", document, folder=typescript)
