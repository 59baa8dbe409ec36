"""Runs functions of the n8n node, in Node."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.clients.installing import installed

ROOT = Path(__file__).parent.parent.parent
PACKAGE = ROOT / "integrations" / "n8n"


def raw(content: bytes) -> dict[str, str]:
    """Bytes, as they travel to Node."""
    return {"bytes": base64.b64encode(content).decode()}


class Node:
    """Node, with the compiler that the clients are tried with too."""

    def __init__(self, folder: Path) -> None:
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            pytest.skip("Node is not installed")
        place = installed(
            "ts", "package-lock.json", (npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts")
        )
        compiler = place / "node_modules" / "typescript"
        self._command = [
            node,
            str(Path(__file__).parent / "try.cjs"),
            str(compiler),
            str(PACKAGE),
            str(folder),
        ]

    def call(self, *calls: list[Any]) -> list[Any]:
        """Return what each `[module, function, *arguments]` returns."""
        done = subprocess.run(  # noqa: S603 - Node, on our own files
            self._command, input=json.dumps(calls), capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        told: list[Any] = json.loads(done.stdout)
        return told
