"""A real server takes in, stores, uploads and serves the largest document without holding it in memory."""

import asyncio
import io
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.conftest import People
from tests.acceptance.fleet import Fleet

pytestmark = [
    pytest.mark.acceptance,
    pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc"),
]

MEGABYTE = 1024 * 1024
SIZE = 100 * MEGABYTE
# Buffers, threads and the allocator's habits; three documents held whole would be three hundred.
MOST_GROWTH = 60 * MEGABYTE


def resident(pid: int) -> int:
    """Return the most memory a process ever held."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


async def test_documents_of_100_mb_pass_through_in_flat_memory(fleet: Fleet, people: People) -> None:
    server = await fleet.serve()
    await fleet.connect(people.fast)
    headers = {"authorization": f"Bearer {people.fast.token}"}

    async def send(content: bytes) -> str:
        form = aiohttp.FormData({"phone": "+442079460011", "media_type": "document"})
        form.add_field("media_file", io.BytesIO(content), filename="catalogue.pdf")
        url = f"{server.url}/api/v2/messages/media"
        async with fleet.session.post(url, data=form, headers=headers) as answer:
            body = await answer.json()
        assert answer.status == 200, body
        assert body["data"]["status"] == "sent", body
        return str(body["data"]["media_url"])

    async def serve(url: str, content: bytes) -> None:
        place = server.url + "/media/" + url.rpartition("/")[2]
        size = 0
        async with fleet.session.get(place) as answer:
            async for chunk in answer.content.iter_chunked(MEGABYTE):
                size += len(chunk)
        assert (answer.status, size) == (200, len(content))

    await serve(await send(b"%PDF-1.7\nsmall"), b"%PDF-1.7\nsmall")
    before = await asyncio.to_thread(resident, server.pid)
    documents = [b"%PDF-1.7\n" + bytes([number]) * (SIZE - 9) for number in (1, 2)]
    urls = await asyncio.gather(*map(send, documents))
    for url, content in zip(urls, documents, strict=True):
        await serve(url, content)
    growth = await asyncio.to_thread(resident, server.pid) - before
    assert growth < MOST_GROWTH, f"{growth // MEGABYTE} MB"
