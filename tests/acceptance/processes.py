"""One process of ours: started, killed, frozen, told to end, and waited for."""

import contextlib
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp

from tests.waiting import until

START_SECONDS = 30.0
ROOT = Path(__file__).resolve().parents[2]


class Process:
    """One process of ours that can be killed and started again."""

    def __init__(self, arguments: tuple[str, ...], env: Mapping[str, str], output: Path) -> None:
        self._arguments = arguments
        self._env = dict(env)
        self._output = output
        self._popen: subprocess.Popen[bytes] | None = None
        self.kills = 0

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._popen is not None
        return self._popen.pid

    def launch(self) -> None:
        """Start it, in a process group of its own."""
        with self._output.open("ab") as output:
            self._popen = subprocess.Popen(  # noqa: S603 - ourselves
                [sys.executable, "-m", "rasl", *self._arguments],
                cwd=ROOT,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )

    def kill(self) -> None:
        """Kill it and its children with SIGKILL; nothing of it runs afterwards."""
        if self._popen is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait(10)
        self.kills += 1

    def freeze(self) -> None:
        """Stop it where it stands, as a machine that swaps does."""
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        os.killpg(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Send SIGTERM."""
        assert self._popen is not None
        self._popen.terminate()

    async def exit_code(self, seconds: float) -> int:
        """Wait for its end."""
        await until(self.has_ended, seconds, self.output)
        assert self._popen is not None
        return int(self._popen.returncode)

    async def has_ended(self) -> bool:
        """Tell whether it has."""
        return self._popen is None or self._popen.poll() is not None

    def output(self) -> str:
        """Return the end of what it printed and logged."""
        return self.whole_output()[-3000:]

    def whole_output(self) -> str:
        """Return all that it printed and logged."""
        return self._output.read_text(encoding="utf-8", errors="replace")

    def metrics_url(self) -> str:
        """Return where it shows its metrics, as it said when it was started last."""
        text = self._output.read_text(encoding="utf-8")
        return str(re.findall(r"http://127\.0\.0\.1:\d+/metrics", text)[-1])


class Server(Process):
    """`rasl serve` on a port that stays the same."""

    def __init__(self, port: int, workers: int, env: Mapping[str, str], output: Path) -> None:
        super().__init__(
            ("serve", "--port", str(port), "--workers", str(workers), "--json"),
            {**env, "RASL_PORT": str(port)},
            output,
        )
        self.url = f"http://127.0.0.1:{port}"

    async def start(self, session: aiohttp.ClientSession) -> None:
        """Start it and wait until it is ready."""
        self.launch()

        async def is_ready() -> bool:
            assert not await self.has_ended(), self.output()
            return await ready(session, self.url) == 200

        await until(is_ready, START_SECONDS, self.output)

    async def has_announced(self) -> bool:
        """Tell whether it has said where it is, which it does when all of its processes serve."""
        return '"api_url"' in self.output()


class Worker(Process):
    """`rasl worker`."""

    async def start(self) -> None:
        """Start it and wait until it works."""
        before = self._times_started()
        self.launch()

        async def is_working() -> bool:
            assert not await self.has_ended(), self.output()
            return self._times_started() > before

        await until(is_working, START_SECONDS, self.output)

    def _times_started(self) -> int:
        return self._output.read_bytes().count(b"worker_started") if self._output.exists() else 0


async def ready(session: aiohttp.ClientSession, url: str) -> int:
    """Return the HTTP status of /readyz, 0 when nobody listens."""
    try:
        async with session.get(f"{url}/readyz", timeout=aiohttp.ClientTimeout(total=5)) as answer:
            return answer.status
    except (aiohttp.ClientError, OSError, TimeoutError):
        return 0
