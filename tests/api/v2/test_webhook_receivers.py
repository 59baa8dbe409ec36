"""The receivers of docs/webhooks.md, run as they are printed: they take what we send and nothing else."""

import asyncio
import contextlib
import re
import shutil
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from tests.serving import Api
from tests.waiting import until

_PAGE = Path(__file__).parents[3] / "docs/webhooks.md"
WEBHOOKS = "/api/v2/webhooks"


def _command(language: str, folder: Path, port: int) -> list[str]:
    code = re.search(rf"```{language}\n(.*?)```", _PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert code is not None
    path = folder / f"receiver.{language}"
    path.write_text(code[1], encoding="utf-8")
    if language == "php":
        return ["php", "-S", f"127.0.0.1:{port}", str(path)]
    return [sys.executable if language == "python" else "node", str(path)]


@contextlib.asynccontextmanager
async def _receiver(language: str, folder: Path, port: int, secret: str) -> AsyncIterator[None]:
    process = await asyncio.create_subprocess_exec(
        *_command(language, folder, port),
        env={"PORT": str(port), "WEBHOOK_SECRET": secret, "PATH": "/usr/bin:/bin:/usr/local/bin"},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("language", ["python", "js", "php"])
async def test_a_receiver_takes_what_is_ours_and_nothing_else(
    api: Api, tmp_path: Path, language: str
) -> None:
    runtime = {"python": sys.executable, "js": "node", "php": "php"}[language]
    if shutil.which(runtime) is None:
        pytest.skip(f"there is no {runtime} here")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    webhook = (await api.acme.post(WEBHOOKS, {"url": f"http://127.0.0.1:{port}/hook"})).data
    async with _receiver(language, tmp_path, port, webhook["secret"]):

        async def is_up() -> bool:
            return _is_listening(port)

        await until(is_up)
        tried = (await api.acme.post(f"{WEBHOOKS}/{webhook['id']}/test", {"event": "contact.updated"})).data
        assert (tried["status"], tried["is_taken"]) == (204, True)
        async with aiohttp.ClientSession() as session:
            forged = {"x-webhook-signature": "0" * 64}
            for headers in (forged, {}):
                async with session.post(
                    f"http://127.0.0.1:{port}/hook", data=b"{}", headers=headers
                ) as answer:
                    assert answer.status == 401
