"""A real n8n, driven without a screen: its commands, and what its editor calls."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.n8n.installing_n8n import FOLDER, Installation, run
from tests.ports import free_port
from tests.waiting import PATIENCE, until

# What it prints is kept, for whoever wants to know why something failed.
_LOG = FOLDER / "n8n.log"
_OWNER = {
    "email": "owner@harbour.test",
    "firstName": "Ada",
    "lastName": "Owner",
    "password": "Passw0rd-of-n8n",
}


class N8n:
    """One n8n, in a folder and a database of its own."""

    def __init__(self, installation: Installation, folder: Path, dsn: str) -> None:
        self._folder = folder
        self._port = free_port()
        n8n = installation.n8n / "node_modules" / "n8n" / "bin" / "n8n"
        self._program = (str(installation.node), str(n8n))
        self._environment = installation.environment | _settings(folder, self._port, dsn)
        self._process: subprocess.Popen[bytes] | None = None
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.url = f"http://127.0.0.1:{self._port}"
        _LOG.write_bytes(b"")

    def command(self, *words: str) -> str:
        """Run a command of n8n."""
        return run(*self._program, *words, folder=self._folder, environment=self._environment, said="n8n")

    async def start(self) -> None:
        """Start it, and wait until it is ready."""
        with _LOG.open("ab") as log:
            command = (*self._program, "start")
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603
                command, cwd=self._folder, env=self._environment, stdout=log, stderr=log
            )
        await until(self._is_ready, 3 * PATIENCE, self.log, 0.2)

    async def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            async with self._session.get(f"{self.url}/healthz/readiness") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False

    def log(self) -> str:
        """Return the end of what it printed."""
        return _LOG.read_text(encoding="utf-8")[-3000:]

    async def stop(self) -> None:
        """Stop it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(PATIENCE)
            self._process = None

    async def close(self) -> None:
        """Stop it for good."""
        await self.stop()
        await self._session.close()

    async def own(self) -> None:
        """Make the owner's account, whose cookie is kept."""
        await self.call("POST", "/owner/setup", _OWNER)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """Call what the editor calls, and return its data."""
        headers = {"browser-id": "tests"}
        async with self._session.request(
            method, f"{self.url}/rest{path}", json=body, headers=headers
        ) as answer:
            told = await answer.json()
            assert answer.status < 300, told
            return told["data"]

    async def post(self, path: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, str]:
        """Post to a webhook of n8n."""
        async with self._session.post(f"{self.url}{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.text()

    async def executions(self, workflow_id: str) -> list[str]:
        """Return how the executions of a workflow ended."""
        chosen = json.dumps({"workflowId": workflow_id})
        told = await self.call("GET", f"/executions?filter={chosen}")
        return [execution["status"] for execution in told["results"]]

    async def activate(self, workflow_id: str) -> None:
        """Publish a workflow, as its button does."""
        workflow = await self.call("GET", f"/workflows/{workflow_id}")
        await self.call("POST", f"/workflows/{workflow_id}/activate", {"versionId": workflow["versionId"]})

    async def deactivate(self, workflow_id: str) -> None:
        """Take a workflow back."""
        await self.call("POST", f"/workflows/{workflow_id}/deactivate", {})


def _settings(folder: Path, port: int, dsn: str) -> dict[str, str]:
    place = urlsplit(dsn)
    asked = parse_qs(place.query)
    return {
        "N8N_USER_FOLDER": str(folder),
        "N8N_LISTEN_ADDRESS": "127.0.0.1",
        "N8N_PORT": str(port),
        "N8N_RUNNERS_BROKER_PORT": str(free_port()),
        "WEBHOOK_URL": f"http://127.0.0.1:{port}/",
        "N8N_ENCRYPTION_KEY": "a-key-that-only-tests-know-0123456",
        "N8N_SECURE_COOKIE": "false",
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_DISABLED_MODULES": "mcp-registry",
        "DB_TYPE": "postgresdb",
        "DB_POSTGRESDB_HOST": asked["host"][0],
        "DB_POSTGRESDB_PORT": asked["port"][0],
        "DB_POSTGRESDB_USER": asked["user"][0],
        "DB_POSTGRESDB_DATABASE": place.path.lstrip("/"),
    }
