"""A newcomer's first five minutes, with real processes."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rasl.sandbox.calls import call
from tests.acceptance import tour
from tests.cli.commands import Rasl, environment
from tests.ports import free_port
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

    def templates_at_meta(self) -> dict[str, str]:
        """Return what the simulator knows of Acme's templates: statuses by name and language."""
        url = f"{self.known['control_url']}/templates?waba_id={self.known['waba_id']}"
        found = call("GET", url)[1]["data"]
        return {f"{item['name']} {item['language']}": item["status"] for item in found}

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


def test_a_newcomer_follows_the_tour_stops_and_comes_back(data_dir: Path, port: str) -> None:
    first = Running(data_dir, RASL_PORT=port)
    known = first.known
    assert known["base_url"] == f"http://127.0.0.1:{port}/api/v2"
    assert first.file.stat().st_mode & 0o777 == 0o600
    message = follow_the_tour(first, data_dir.parent, is_new=True)
    wait_until(lambda: first.status(message["chat_message_id"]) == "read")
    status, answer = first.get(f"/messages/{message['chat_message_id']}?include=timeline")
    assert status == 200
    assert {"sent", "delivered", "read"} <= set(steps(answer))

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
    forget(first.file.with_name("sandbox.last.json"), "demo")

    second = Running(data_dir, RASL_PORT=port)
    assert second.known["demo"] == known["demo"]
    assert texts(second).count("Where is my parcel?") == 1
    assert len(second.get("/contacts/imports")[1]["data"]) == 1
    assert second.known["token"] == known["token"]
    assert second.known["callback_url"] == known["callback_url"]
    assert {"Hello from RASL", "Hi Acme!"} <= set(texts(second))
    follow_the_tour(second, data_dir.parent, is_new=False)
    family = second.family()
    second.process.send_signal(signal.SIGTERM)
    assert second.process.wait(PATIENCE) == 0
    wait_until(lambda: not alive(family))


def test_it_revives_what_crashes_and_dies_as_a_whole(data_dir: Path, port: str) -> None:
    sandbox = Running(data_dir, RASL_PORT=port)
    templates = sandbox.templates_at_meta()
    assert templates["flash_sale en"] == "PAUSED"
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
    wait_until(lambda: sandbox.templates_at_meta() == templates)
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


def follow_the_tour(sandbox: Running, folder: Path, *, is_new: bool) -> dict[str, Any]:
    """Paste what the README says, then what the sandbox printed, and return the first message of the latter."""
    told = tour.paste(tour.readme_blocks(), folder)
    assert told.keys() == TOUR.keys()
    for title, check in TOUR.items():
        check(sandbox, told[title], is_new)
    wait_until(lambda: "More to try" in sandbox.output.read_text(encoding="utf-8"))
    printed = tour.paste(tour.printed_blocks(sandbox.output.read_text(encoding="utf-8")), folder)
    found = [answer for output in printed.values() for answer in tour.answers(output)]
    assert len(found) == 7
    assert all(answer.get("success") or answer.get("ok") for answer in found), found
    wait_until(lambda: "Hi Acme!" in texts(sandbox))
    message: dict[str, Any] = found[0]["data"]
    return message


def says_address(sandbox: Running, output: str, _is_new: bool) -> None:
    assert output == f"Priya's phone: {sandbox.known['simulator_url']}/#442079460011\n"


def sends(*wanted: str) -> Callable[[Running, str, bool], None]:
    """Check that a block's first answer is a message, and that it reaches one of these statuses."""

    def check(sandbox: Running, output: str, _is_new: bool) -> None:
        message = tour.answers(output)[0]["data"]
        wait_until(lambda: sandbox.status(message["chat_message_id"]) in wanted)

    return check


def sends_text(sandbox: Running, output: str, is_new: bool) -> None:
    [answer] = tour.answers(output)
    assert answer["data"]["status"] == "sent"
    assert answer["data"]["message"] == "Hi Priya, hello from RASL"
    sends("read")(sandbox, output, is_new)


def shows_messages(_sandbox: Running, output: str, _is_new: bool) -> None:
    listed, one = tour.answers(output)
    assert len(listed["data"]) == 5
    assert one["data"]["message"] == "Hi Priya, your parcel is ready."
    assert {"accepted", "sent"} <= set(steps(one))


def sends_template(sandbox: Running, output: str, _is_new: bool) -> None:
    listed, sent = tour.answers(output)
    assert {"APPROVED", "PAUSED", "REJECTED"} == {item["status"] for item in listed["data"]}
    assert sent["data"]["status"] == "sent"
    shown = on_the_phone(sandbox, sent)
    assert shown["text"] == "Hi Priya, your order #A-1044 has left our shop."
    assert shown["file"]["kind"] == "image"
    assert shown["buttons"][0]["address"] == "https://harbour.test/track/A-1044"


def sends_file(sandbox: Running, output: str, _is_new: bool) -> None:
    [sent] = tour.answers(output)
    assert sent["data"]["status"] == "sent"
    assert on_the_phone(sandbox, sent)["file"]["filename"] == "order.txt"


def verifies(_sandbox: Running, output: str, _is_new: bool) -> None:
    sent, verified = tour.answers(output)
    assert sent["data"]["status"] == "sent"
    assert verified["success"], verified


def keeps_contacts(_sandbox: Running, output: str, is_new: bool) -> None:
    put, listed = tour.answers(output)
    assert put["message"] == f"Contact {'created' if is_new else 'updated'} successfully"
    assert put["data"]["attributes"] == {"tier": "gold"}
    assert {"Priya", "Maya"} <= {item["firstname"] for item in listed["data"]}


def hears(sandbox: Running, output: str, _is_new: bool) -> None:
    received, listed, answered = tour.answers(output)
    assert received["ok"]
    assert listed["data"][0]["direction"] == "inbound"
    assert answered["data"]["status"] == "sent"
    wait_until(lambda: "Hi!" in texts(sandbox, "&filter[direction]=inbound"))


def repeats(_sandbox: Running, output: str, _is_new: bool) -> None:
    first, second = tour.answers(output)
    assert first["data"]["chat_message_id"] == second["data"]["chat_message_id"]
    assert "idempotent-replayed: true" in output.rpartition("HTTP/1.1")[2]


TOUR: dict[str, Callable[[Running, str, bool], None]] = {
    "`make run`": says_address,
    "Send a text": sends_text,
    "See what became of it": shows_messages,
    "Send a template": sends_template,
    "Send a file": sends_file,
    "Let somebody log in": verifies,
    "Keep contacts": keeps_contacts,
    "Let a customer write to you": hears,
    "Watch one fail": sends("failed"),
    "Lose Meta's answer": sends("delivered", "read"),
    "Repeat a request safely": repeats,
    "Do not wait for Meta": sends("read"),
}


def on_the_phone(sandbox: Running, sent: dict[str, Any]) -> dict[str, Any]:
    """Return how the phone of the recipient shows a message."""
    data = sent["data"]
    chat = call("GET", f"{sandbox.known['control_url']}/chats?user={data['phone']}")[1]["data"]
    found: dict[str, Any] = next(item for item in chat if item["wamid"] == data["message_id"])
    return found


def texts(sandbox: Running, query: str = "") -> list[str]:
    """Return the texts of the newest messages."""
    return [item["message"] for item in sandbox.get(f"/messages?per_page=50{query}")[1]["data"]]


def steps(answer: dict[str, Any]) -> list[str]:
    """Return what happened to a message."""
    return [str(step["step"]) for step in answer["data"]["timeline"]]


def forget(file: Path, key: str) -> None:
    """Take a key out of a file of JSON, as if the sandbox had been cut off before it wrote it."""
    value = json.loads(file.read_text(encoding="utf-8"))
    del value[key]
    file.write_text(json.dumps(value), encoding="utf-8")


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
