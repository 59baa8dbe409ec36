"""A sandbox as people start it, for what is tried against it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.cli.commands import environment
from tests.ports import free_port
from tests.serving import Client
from tests.waiting import PATIENCE, wait_until


@pytest.fixture(scope="module")
def sandbox() -> Iterator[dict[str, Any]]:
    """What a new sandbox tells about itself."""
    base = Path(tempfile.mkdtemp(prefix="rasl-clients-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)  # root's PostgreSQL account must reach its folder
    ports = {"RASL_PORT": str(free_port()), "RASL_METRICS_PORT": str(free_port())}
    told = base / "output"
    with told.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "rasl", "sandbox"],
            env=environment(base / "data", ports),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        file = base / "data" / "sandbox.json"
        wait_until(lambda: file.exists() or process.poll() is not None)
        assert process.poll() is None, told.read_text(encoding="utf-8")
        yield json.loads(file.read_text(encoding="utf-8"))
    finally:
        process.terminate()
        process.wait(PATIENCE)
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
async def client(sandbox: dict[str, Any]) -> AsyncIterator[Client]:
    """The sandbox's API with its token."""
    async with aiohttp.ClientSession() as session:
        headers = {"authorization": f"Bearer {sandbox['token']}"}
        yield Client(session, sandbox["base_url"].removesuffix("/api/v2"), headers)
