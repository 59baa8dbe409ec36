"""What real clients put on the wire, recorded (`record.py`), and sent again byte for byte."""

import asyncio
import functools
import gzip
import json
from pathlib import Path
from typing import Any

from tests.server.raw import Raw, connected
from tests.serving import Answer

RECORDED = Path(__file__).parent / "recorded"
TOKEN = "TOKEN-OF-THE-CALLER"


@functools.cache
def recordings() -> dict[str, str]:
    """Return every recorded request as latin-1, by `client:name`."""
    return {
        f"{path.stem}:{name}": request
        for path in sorted(RECORDED.glob("*.json"))
        for name, request in json.loads(path.read_text(encoding="utf-8")).items()
    }


def spoken(recording: str, token: str, *headers: str) -> bytes:
    """Return the bytes of a recording with the token of a caller, and perhaps some headers more."""
    first, _, rest = recordings()[recording].replace(TOKEN, token).partition("\r\n")
    return "\r\n".join([first, *headers, rest]).encode("latin-1")


async def exchange(url: str, request: bytes) -> Answer:
    """Send the bytes of a request and read the answer."""
    async with connected(url) as raw:
        await raw.send(request)
        if request.startswith(b"HEAD "):
            return Answer(*await _head(raw), None)
        status, headers, body = await _answer(raw)
        while status == 100:
            status, headers, body = await _answer(raw)
        return Answer(status, headers, body)


async def _answer(raw: Raw) -> tuple[int, dict[str, str], Any]:
    status, headers = await _head(raw)
    body = await asyncio.wait_for(raw.reader.readexactly(int(headers.get("content-length", "0"))), 20)
    if headers.get("content-encoding") == "gzip":
        body = gzip.decompress(body)
    return status, headers, json.loads(body) if body else None


async def _head(raw: Raw) -> tuple[int, dict[str, str]]:
    head = (await asyncio.wait_for(raw.reader.readuntil(b"\r\n\r\n"), 20)).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split(" ")[1]), headers
