"""One data folder with a running database for all commands, and an empty one where a test needs it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pgbox import EmbeddedPostgres
from tests.cli.commands import Rasl, Terminal
from tests.serving import Api


@pytest.fixture
def empty_dir() -> Iterator[Path]:
    """A data folder that root's PostgreSQL account can reach; pytest's own are closed."""
    yield from make_data_dir()


@pytest.fixture(scope="module")
def rasl() -> Iterator[Rasl]:
    """The command, attached to a server that this process runs."""
    for folder in make_data_dir():
        server = EmbeddedPostgres(folder, durable=False)
        dsn = server.ensure_running()
        try:
            yield Rasl(folder, dsn)
        finally:
            server.release()


@pytest.fixture
def terminal(api: Api, tmp_path: Path) -> Terminal:
    """The command of somebody who has acme's token, before the simulator of the test world."""
    settings = {
        "RASL_URL": api.base_url,
        "RASL_TOKEN": api.world.acme.token,
        "RASL_GRAPH_BASE_URL": api.settings.graph_base_url,
    }
    return Terminal(tmp_path / "data", settings)


def make_data_dir() -> Iterator[Path]:
    """Yield a new folder and remove it."""
    base = Path(tempfile.mkdtemp(prefix="rasl-cli-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    try:
        yield base / "data"
    finally:
        shutil.rmtree(base, ignore_errors=True)
