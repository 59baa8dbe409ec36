"""Real processes in a folder of their own; none of them, and nothing of it, is left behind."""

import asyncio
import contextlib
import functools
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from pgbox import EmbeddedPostgres
from tests.waiting import PATIENCE, wait_until

# initdb wants a user with a name.
PLAIN_UID = pwd.getpwnam("nobody").pw_uid
STRANGER_UID = 12345
_AGENT = Path(__file__).with_name("agent.py")
# The sources and the installed packages, for an interpreter that is not the virtual environment's.
PYTHON_PATH = os.pathsep.join(
    [str(Path(__file__).resolve().parents[2]), str(Path(asyncpg.__file__).parents[1])]
)

Answer = dict[str, Any]


def identity(uid: int) -> dict[str, Any]:
    """Return what subprocess needs to run something as this user."""
    return {} if uid == os.geteuid() else {"user": uid, "group": uid, "extra_groups": []}


@functools.cache
def interpreter(uid: int) -> str:
    """Return a Python like ours that the user can execute: ours may be in a closed home."""
    question = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]})"
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        with contextlib.suppress(OSError):
            command = [program, "-c", question]
            outcome = subprocess.run(command, cwd="/", check=False, **identity(uid))  # noqa: S603 - a Python
            if outcome.returncode == 0:
                return program
    pytest.skip(f"uid {uid} can execute no Python {sys.version_info[:2]}")


class Agent:
    """Another process of RASL."""

    def __init__(self, data_dir: Path, fallback_root: Path, uid: int, extra: Mapping[str, str]) -> None:
        environment = {
            "PATH": os.defpath,
            "PYTHONPATH": PYTHON_PATH,
            "PYTHONDONTWRITEBYTECODE": "1",
            **extra,
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and script
            [interpreter(uid), str(_AGENT), str(data_dir), str(fallback_root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
            cwd="/",
            **identity(uid),
        )

    def send(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def answer(self) -> Answer:
        assert self.process.stdout is not None
        watchdog = threading.Timer(PATIENCE, self.process.kill)
        watchdog.start()
        line = self.process.stdout.readline()
        watchdog.cancel()
        assert line, f"the agent ended without an answer ({self.process.wait()})"
        answer: Answer = json.loads(line)
        return answer

    def ask(self, command: str) -> Answer:
        self.send(command)
        return self.answer()

    def start(self) -> Answer:
        answer = self.ask("start")
        assert "error" not in answer, answer
        return answer

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def leave(self) -> None:
        """End as a program ends that forgot to release."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        assert self.process.wait(PATIENCE) == 0

    def dispose(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


class Yard:
    """One folder that every user can reach, the agents in it, and the user they run as."""

    def __init__(self, folder: Path, uid: int) -> None:
        self.folder = folder
        self.uid = uid
        self.data_dir = folder / "data"
        self.fallback_root = folder / "fallback"
        self._agents: list[Agent] = []
        self._servers: list[EmbeddedPostgres] = []

    def agent(self, data_dir: Path | None = None, uid: int | None = None, **extra: str) -> Agent:
        agent = Agent(data_dir or self.data_dir, self.fallback_root, self.uid if uid is None else uid, extra)
        self._agents.append(agent)
        return agent

    def server(self, **options: Any) -> EmbeddedPostgres:
        """Return a server in our own process; durability costs time, so it has to be asked for."""
        server = EmbeddedPostgres(self.data_dir, **{"durable": False, **options})
        self._servers.append(server)
        return server

    def servers(self) -> set[int]:
        """Return every process of PostgreSQL in this yard."""
        return {pid for pid, cwd in working_folders("postgres") if cwd.is_relative_to(self.folder)}

    def initdbs(self) -> set[int]:
        """Return every initdb at work in this yard."""
        return {
            pid for pid, command in command_lines() if "/initdb" in command and str(self.folder) in command
        }

    def clean(self) -> None:
        for agent in self._agents:
            agent.dispose()
        for server in self._servers:
            server.release()
        try:
            wait_until(lambda: not self.servers(), 20)
        finally:
            # A failed test may leave stopped or orphaned processes.
            for pid in self.servers():
                kill_process(pid)
        shutil.rmtree(self.folder)


def working_folders(name: str) -> Iterator[tuple[int, Path]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if (entry / "comm").read_text().strip() == name:
                    yield int(entry.name), (entry / "cwd").readlink()


def command_lines() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                yield int(entry.name), (entry / "cmdline").read_text(errors="replace")


def run_sql(dsn: str, *statements: str) -> Any:
    """Run the statements in one session; return the last one's first value."""

    async def run() -> Any:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            for statement in statements[:-1]:
                await connection.execute(statement)
            return await connection.fetchval(statements[-1])
        finally:
            await connection.close()

    return asyncio.run(run())


def write_token(dsn: str, value: int = 1) -> None:
    run_sql(
        dsn,
        "CREATE TABLE IF NOT EXISTS kept (value integer)",
        f"INSERT INTO kept VALUES ({value}) RETURNING 1",
    )


def read_tokens(dsn: str) -> Any:
    return run_sql(dsn, "SELECT array_agg(value ORDER BY value) FROM kept")


def kill_process(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def make_folder(folder: Path, uid: int, mode: int) -> Path:
    folder.mkdir()
    folder.chmod(mode)
    if uid != os.geteuid():
        os.chown(folder, uid, uid)
    return folder


def make_yard(uid: int) -> Yard:
    folder = Path(tempfile.mkdtemp(prefix="yard-", dir="/tmp")).resolve()
    folder.chmod(0o755)
    if uid != os.geteuid():
        os.chown(folder, uid, uid)
    return Yard(folder, uid)
