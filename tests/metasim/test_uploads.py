import asyncio
from typing import Any

import pytest

from .conftest import PIXEL, WABA, Meta

APP = "670843887433847"


async def start(meta: Meta, length: int = len(PIXEL), mime_type: str = "image/png") -> str:
    path = f"{APP}/uploads?file_length={length}&file_type={mime_type}&file_name=a.png"
    answered = await meta.graph("POST", path)
    assert answered.status == 200, answered.body
    return str(answered.body["id"])


async def put(meta: Meta, upload: str, content: bytes, offset: int = 0) -> Any:
    return await meta.graph("POST", upload, data=content, headers={"file_offset": str(offset)})


async def test_a_file_goes_up_in_one_go(meta: Meta) -> None:
    upload = await start(meta)
    assert upload.startswith("upload:")
    assert "?sig=" in upload
    handle = (await put(meta, upload, PIXEL)).body["h"]
    assert handle.startswith("4::")
    assert (await meta.graph("GET", upload)).body == {"id": upload, "file_offset": len(PIXEL)}


async def test_an_interrupted_upload_is_resumed(meta: Meta) -> None:
    upload = await start(meta)
    assert (await put(meta, upload, PIXEL[:5])).body == {"id": upload, "file_offset": 5}
    assert (await meta.graph("GET", upload)).body["file_offset"] == 5
    assert "h" in (await put(meta, upload, PIXEL[5:], 5)).body


async def test_what_arrived_before_the_connection_broke_stays(meta: Meta) -> None:
    upload = await start(meta)
    host, _, port = meta.url.removeprefix("http://").partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"POST /v24.0/{upload} HTTP/1.1\r\nhost: x\r\nauthorization: OAuth t\r\nfile_offset: 0\r\n"
    writer.write(f"{head}content-length: {len(PIXEL)}\r\n\r\n".encode() + PIXEL[:7])
    await writer.drain()
    async with asyncio.timeout(10):
        while (await meta.graph("GET", upload)).body["file_offset"] != 7:
            pass
    writer.close()
    await writer.wait_closed()
    assert "h" in (await put(meta, upload, PIXEL[7:], 7)).body


async def test_an_earlier_offset_overwrites(meta: Meta) -> None:
    upload = await start(meta)
    await put(meta, upload, b"wrong")
    handle = (await put(meta, upload, PIXEL, 0)).body["h"]
    header = {"type": "HEADER", "format": "IMAGE", "example": {"header_handle": [handle]}}
    template = {
        "name": "look",
        "language": "en_US",
        "category": "MARKETING",
        "components": [header, {"type": "BODY", "text": "Look"}],
    }
    made = await meta.graph("POST", f"{WABA}/message_templates", json=template)
    read = (await meta.graph("GET", made.body["id"])).body["components"][0]
    [address] = read["example"]["header_handle"]
    assert (await meta.call("GET", address)).raw == PIXEL


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("file_type=image/png", "(#100) The parameter file_length is required."),
        ("file_length=5", "(#100) The parameter file_type is required."),
        ("file_length=0&file_type=image/png", "file_length must be an integer between"),
        ("file_length=5&file_type=image/gif", "file_type must be one of"),
    ],
)
async def test_a_bad_session_is_refused(meta: Meta, query: str, message: str) -> None:
    error = (await meta.graph("POST", f"{APP}/uploads?{query}")).body["error"]
    assert message in error["message"]


async def test_bad_pieces_are_refused(meta: Meta) -> None:
    upload = await start(meta)
    assert (await meta.graph("POST", upload, data=PIXEL)).body["error"]["code"] == 100
    assert (await put(meta, upload, PIXEL, 3)).body["error"]["code"] == 100
    assert (await put(meta, upload, PIXEL + b"more")).body["error"]["code"] == 100
    forged = upload.partition("?")[0] + "?sig=forged"
    assert (await put(meta, forged, PIXEL)).body["error"]["error_subcode"] == 33


async def test_a_large_file_goes_up(meta: Meta) -> None:
    size = 3 * 1024 * 1024
    upload = await start(meta, size, "video/mp4")
    assert (await put(meta, upload, bytes(1024 * 1024 - 1))).body["file_offset"] == 1024 * 1024 - 1

    async def rest() -> Any:
        yield bytes(size - 1024 * 1024 + 1)

    headers = {"file_offset": str(1024 * 1024 - 1)}
    assert "h" in (await meta.graph("POST", upload, data=rest(), headers=headers)).body
