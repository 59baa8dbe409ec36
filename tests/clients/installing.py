"""Programs of other people that clients are made with, installed once beside our own virtual environment."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
_INSTALLED = Path(sys.prefix) / "clients"
_SECONDS = 240


def run(*command: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """Run a program and return what it prints; it has to succeed."""
    done = subprocess.run(  # noqa: S603 - programs that we installed
        command,
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def installed(name: str, lock: str, *commands: Sequence[str]) -> Path:
    """Return the folder that these commands fill for what the lock file pins; skip where there is no network."""
    source = FOLDER / name
    digest = hashlib.sha256((source / lock).read_bytes()).hexdigest()[:12]
    target = _INSTALLED / f"{name}-{digest}"
    _INSTALLED.mkdir(parents=True, exist_ok=True)
    with (_INSTALLED / f"{name}.lock").open("w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if (target / "whole").exists():
            return target
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        shutil.copy(source / lock, target)
        if (source / "package.json").exists():
            shutil.copy(source / "package.json", target)
        for command in commands:
            done = subprocess.run(  # noqa: S603 - npm and pip
                command, cwd=target, capture_output=True, text=True, timeout=_SECONDS, check=False
            )
            if done.returncode:
                pytest.skip(f"{name}: {command[0]} could not install: {done.stderr.strip()[-300:]}")
        (target / "whole").touch()
    return target
