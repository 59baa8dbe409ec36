"""A newcomer's first five minutes, with real processes."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rasl.sandbox.calls import call
from tests.acceptance.processes import free_port
from tests.cli.commands import Rasl, environment
from tests.waiting import PATIENCE, wait_until

pytestmark = pytest.mark.acceptance
_running: list["Running"] = []


class Running:
    """A sandbox of ours."""

    def __init__(self, data_dir: Path, **settings: str) -> None:
        self.started_at = time.monotonic()
        self.output = data_dir.parent / f"output-{time.monotonic_ns()}"
        # Sandboxes that start at the same moment would look for the same free ones.
        settings = {"RASL_METRICS_PORT": str(free_port()), **settings}
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "rasl", "sandbox"],
                env=environment(data_dir, settings),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _running.append(self)
        self.file = data_dir / "sandbox.json"
        wait_until(lambda: self.file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.output.read_text(encoding="utf-8")
        self.known: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))

    def get(self, path: str, token: str = "token") -> tuple[int, dict[str, Any]]:
        """Read from the API with one of the sandbox's tokens."""
        return call("GET", f"{self.known['base_url']}{path}", token=self.known[token])

    def send(
        self, text: str, token: str = "token", phone: str = "+15550100001"
    ) -> tuple[int, dict[str, Any]]:
        """Send a text."""
        body = {"phone": phone, "message": text}
        return call("POST", f"{self.known['base_url']}/messages/text", body, self.known[token])

    def status(self, message_id: int) -> str:
        """Return the status of a message."""
        status, answer = self.get(f"/messages/{message_id}")
        assert status == 200
        return str(answer["data"]["status"])

    def family(self) -> list[int]:
        """Return every process of the sandbox, itself included."""
        return [self.process.pid, *descendants(self.process.pid)]

    def interrupt(self) -> int:
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(PATIENCE)


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data folder that root's PostgreSQL account can reach."""
    base = Path(tempfile.mkdtemp(prefix="rasl-sandbox-"))
    base.chmod(0o711 if os.geteuid() == 0 else 0o700)
    yield base / "data"
    while _running:
        # Nothing outlives the sandbox, so nothing of a failed test stays.
        sandbox = _running.pop()
        sandbox.process.kill()
        sandbox.process.wait()
    shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def port() -> str:
    """A port nobody uses."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return str(listener.getsockname()[1])


def test_a_newcomer_sends_a_message_stops_and_comes_back(data_dir: Path, port: str) -> None:
    first = Running(data_dir, RASL_PORT=port)
    known = first.known
    assert known["base_url"] == f"http://127.0.0.1:{port}/api/v2"
    assert first.file.stat().st_mode & 0o777 == 0o600
    wait_until(lambda: "Hi Acme!" in first.output.read_text(encoding="utf-8"))
    text = first.output.read_text(encoding="utf-8")
    assert known["token"] in text

    line = next(line for line in text.splitlines() if line.strip().startswith("curl"))
    pasted = subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=30, check=True)  # noqa: S603 - our own line
    message = json.loads(pasted.stdout)["data"]
    wait_until(lambda: first.status(message["chat_message_id"]) == "read")
    status, answer = first.get(f"/messages/{message['chat_message_id']}?include=timeline")
    assert status == 200
    assert {"sent", "delivered", "read"} <= set(steps(answer))

    inbound = {"phone_number_id": known["phone_number_id"], "from": "15550100001", "body": "Hi Acme!"}
    assert call("POST", f"{known['simulator_url']}/_control/inbound", inbound)[1]["ok"] is True
    wait_until(lambda: "Hi Acme!" in texts(first))

    assert first.send("no", "read_only_token")[0] == 403
    assert first.get(f"/messages/{message['chat_message_id']}", "stranger_token")[0] == 404
    assert first.send("hello from globex", "stranger_token")[0] == 200

    said = Rasl(data_dir, "")("doctor", "--json")
    assert said.value["ok"], said.out
    again = Rasl(data_dir, "")("sandbox", "--json")
    assert again.value["error"]["code"] == "SANDBOX_RUNS"

    family = first.family()
    assert len(family) >= 5
    assert first.interrupt() == 0
    assert "Traceback" not in first.output.read_text(encoding="utf-8")
    wait_until(lambda: not alive(family))
    assert not first.file.exists()

    second = Running(data_dir, RASL_PORT=port)
    assert second.known["token"] == known["token"]
    assert second.known["callback_url"] == known["callback_url"]
    assert {"Hello from RASL", "Hi Acme!"} <= set(texts(second))
    sent = second.send("warm")[1]["data"]
    wait_until(lambda: second.status(sent["chat_message_id"]) == "read")
    family = second.family()
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(PATIENCE) == 0
    wait_until(lambda: not alive(family))


def test_it_revives_what_crashes_and_dies_as_a_whole(data_dir: Path, port: str) -> None:
    sandbox = Running(data_dir, RASL_PORT=port)
    family = sandbox.family()
    for word in ("worker", "simulator", "serve"):
        (victim,) = [pid for pid in family if command_of(pid)[2:4] == ["rasl", word]]
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: sandbox.output.read_text(encoding="utf-8").count("it is started again") == 3)

    def is_sent() -> bool:
        try:
            status, answer = sandbox.send("after the crash")
        except OSError:
            return False
        return status == 200 and answer["data"]["status"] == "sent"

    wait_until(is_sent)
    family = sandbox.family()
    sandbox.process.kill()
    sandbox.process.wait()
    wait_until(lambda: not alive(family))


def test_it_takes_the_next_port_when_none_was_asked_for(data_dir: Path) -> None:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Somebody else may have it, which is as good.
        is_ours = listener.connect_ex(("127.0.0.1", 8080)) != 0
        if is_ours:
            listener.close()
        with socket.create_server(("127.0.0.1", 8080)) if is_ours else socket.socket():
            sandbox = Running(data_dir)
            assert ":8080/" not in sandbox.known["base_url"]
            assert "Port 8080 is in use" in sandbox.output.read_text(encoding="utf-8")
            assert sandbox.get("/messages")[0] == 200
            assert sandbox.interrupt() == 0


def texts(sandbox: Running) -> list[str]:
    """Return the texts of the newest messages."""
    return [item["message"] for item in sandbox.get("/messages")[1]["data"]]


def steps(answer: dict[str, Any]) -> list[str]:
    """Return what happened to a message."""
    return [str(step["step"]) for step in answer["data"]["timeline"]]


def descendants(pid: int) -> list[int]:
    """Return the children of a process and their children."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found = [pid]
    for known in found:
        found += [child for child, parent in parents.items() if parent == known]
    return found[1:]


def alive(pids: list[int]) -> list[int]:
    """Return those that still run; a zombie does not."""
    return [pid for pid in pids if command_of(pid) != [""]]


def command_of(pid: int) -> list[str]:
    """Return the command line of a process, one empty word when it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8").rstrip("\0").split("\0")
    except OSError:
        return [""]
