"""Records what HTTP clients really put on the wire: `python -m tests.api.clients.record curl sh programs/curl.sh`.

Each program in `programs/` makes its requests one after the other, to the address in `URL` with the token in `TOKEN`,
and writes the name of each on a line of its output. The recording is the file that the tests replay byte for byte, so
that they need none of these clients; where the programs run, and with which versions, is up to who records.
"""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

from tests.api.clients import replay

_ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
)


class _Recorder:
    """Takes requests whole, as a server would, and keeps their bytes."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if re.search(rb"\r\nexpect: 100-continue\r\n", head, re.IGNORECASE):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = re.search(rb"\r\ncontent-length: *(\d+)\r\n", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1])) if length else b""
        if re.search(rb"\r\ntransfer-encoding: *chunked\r\n", head, re.IGNORECASE):
            body = await reader.readuntil(b"0\r\n\r\n")
        self.requests.append(head + body)
        is_head = head.startswith(b"HEAD ")
        writer.write(_ANSWER[:-2] if is_head else _ANSWER)
        writer.close()


async def _recorded(program: list[str]) -> dict[str, str]:
    recorder = _Recorder()
    listening = await asyncio.start_server(recorder.take, "127.0.0.1", 0, limit=2**24)
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    environment = {**os.environ, "URL": url, "TOKEN": replay.TOKEN}
    running = await asyncio.create_subprocess_exec(*program, env=environment, stdout=asyncio.subprocess.PIPE)
    names = (await running.communicate())[0].decode().split()
    listening.close()
    if running.returncode or len(names) != len(recorder.requests):
        raise SystemExit(f"{program} named {len(names)} requests and made {len(recorder.requests)}")
    return {name: request.decode("latin-1") for name, request in zip(names, recorder.requests, strict=True)}


if __name__ == "__main__":
    client, *program = sys.argv[1:]
    made = asyncio.run(_recorded(program))
    Path(replay.RECORDED / f"{client}.json").write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")
