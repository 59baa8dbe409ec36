"""The package of the n8n node: what n8n asks of community nodes, and that it has every operation there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.documented import DOCUMENT
from tests.n8n.trying import PACKAGE, ROOT
from tools.n8n_node import ALIASES, FILE, operations, operations_file

MANIFEST = json.loads((PACKAGE / "package.json").read_text(encoding="utf-8"))
OPERATIONS = operations(DOCUMENT)
WORKFLOWS = sorted((PACKAGE / "workflows").glob("*.json"))


def test_the_operations_are_those_of_the_document() -> None:
    current = "`.venv/bin/python -m tools.n8n_node` writes them again"
    assert FILE.read_text(encoding="utf-8") == operations_file(DOCUMENT), current


def test_every_operation_is_there() -> None:
    told = {
        f"{operation['operationId']}": (method.upper(), path.removeprefix("/api/v2"))
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and operation["operationId"] not in ALIASES
    }
    assert {(row["method"], row["path"]) for row in OPERATIONS} == set(told.values())


def test_a_new_operation_is_missed() -> None:
    document = json.loads(json.dumps(DOCUMENT))
    document["paths"]["/api/v2/sheep"] = {
        "get": {
            "operationId": "listSheep",
            "tags": ["Sheep"],
            "summary": "List sheep",
            "responses": {"200": {}},
        }
    }
    assert FILE.read_text(encoding="utf-8") != operations_file(document)


def test_no_two_operations_are_called_the_same() -> None:
    ids = [row["id"] for row in OPERATIONS]
    names = [(row["resource"], row["name"]) for row in OPERATIONS]
    assert len(set(ids)) == len(ids)
    assert len(set(names)) == len(names)


def fields(rows: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for row in rows:
        yield row
        yield from fields(row.get("fields", []))


def test_descriptions_are_as_n8n_wants_them() -> None:
    asked = [field for row in OPERATIONS for field in fields(row["fields"])]
    assert not [one for one in asked if "`" in one.get("description", "")]
    assert not [
        one for one in asked if one["kind"] == "boolean" and not one["description"].startswith("Whether ")
    ]
    assert not [
        row["id"] for row in OPERATIONS if row["summary"].endswith(".") or row["description"].endswith(".")
    ]


@pytest.mark.parametrize(
    "name", ["template_name", "group_id", "source_id", "status_id", "from_phone_number_id"]
)
def test_what_the_account_has_is_loaded(name: str) -> None:
    found = [field for row in OPERATIONS for field in row["fields"] if field["name"] == name]
    assert found
    assert all("load" in field for field in found)


def test_every_loader_is_there() -> None:
    loaders = (FILE.parent / "loaders.ts").read_text(encoding="utf-8")
    wanted = {field["load"] for row in OPERATIONS for field in fields(row["fields"]) if "load" in field}
    assert {
        name for name in wanted if not re.search(rf"^\t(async )?{name}[:(]", loaders, re.MULTILINE)
    } == set()


def test_the_manifest_keeps_the_conventions_of_community_nodes() -> None:
    assert MANIFEST["name"].startswith("n8n-nodes-")
    assert "n8n-community-node-package" in MANIFEST["keywords"]
    assert MANIFEST["license"] == "MIT"
    assert "dependencies" not in MANIFEST
    assert MANIFEST["n8n"]["n8nNodesApiVersion"] == 1
    assert MANIFEST["n8n"]["strict"] is True
    assert MANIFEST["files"] == ["dist"]
    assert (PACKAGE / "LICENSE.md").read_text(encoding="utf-8").startswith("MIT License\n")


def test_what_the_manifest_names_is_there() -> None:
    built = [*MANIFEST["n8n"]["nodes"], *MANIFEST["n8n"]["credentials"]]
    sources = [PACKAGE / re.sub(r"^dist/(.*)\.js$", r"\1.ts", path) for path in built]
    assert [path for path in sources if not path.is_file()] == []
    icons = {
        name for path in sources for name in re.findall(r"file:[./]*(icons/\S+?svg)", path.read_text("utf-8"))
    }
    assert icons == {"icons/rasl.svg", "icons/rasl.dark.svg"}
    assert [name for name in icons if not (PACKAGE / name).is_file()] == []


def test_what_is_installed_or_built_is_not_kept() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {"node_modules", "dist/", "/.n8n-e2e/"} <= set(ignored)
    assert not (PACKAGE / "package-lock.json").exists()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_an_example_uses_what_is_there(path: Path) -> None:
    """Operations and fields of the node are those of this version, and nobody's credentials are in it."""
    told = json.loads(path.read_text(encoding="utf-8"))
    by_id = {row["id"]: row for row in OPERATIONS}
    names = {node["name"] for node in told["nodes"]}
    assert set(told["connections"]) <= names
    for node in told["nodes"]:
        assert "credentials" not in node
        if node["type"] != "n8n-nodes-rasl.rasl":
            continue
        operation = by_id[node["parameters"]["operation"]]
        assert node["parameters"]["resource"] == operation["resource"].lower()
        first = {
            field["name"] for field in operation["fields"] if field.get("isRequired") or field.get("isFirst")
        }
        assert node["parameters"].keys() - {"resource", "operation", "additionalFields"} <= first


def test_there_are_examples() -> None:
    assert len(WORKFLOWS) >= 3
