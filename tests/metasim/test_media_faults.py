import asyncio
import hashlib
from typing import Any

import aiohttp
import pytest

from .conftest import NUMBER, PIXEL, Meta, Receiver


async def fault(meta: Meta, kind: str, endpoint: str = "media_download", **effect: Any) -> None:
    match = {"endpoint": endpoint, **effect.pop("match", {})}
    await meta.control("faults", {"match": match, "effect": {"kind": kind, **effect}})


async def address(meta: Meta) -> str:
    return str((await meta.describe(await meta.upload()))["url"])


async def test_corrupted_bytes_have_the_right_length(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "corrupt")
    fetched = (await meta.download(url)).raw
    assert len(fetched) == len(PIXEL)
    assert fetched != PIXEL


async def test_more_bytes_than_described(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "oversized", extra_bytes=100_000)
    assert len((await meta.download(url)).raw) == len(PIXEL) + 100_000


async def test_a_page_instead_of_the_file(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "html_200")
    fetched = await meta.download(url)
    assert (fetched.status, fetched.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(("kind", "status"), [("html_502", 502), ("empty_500", 500)])
async def test_the_media_host_is_broken(meta: Meta, kind: str, status: int) -> None:
    url = await address(meta)
    await fault(meta, kind)
    assert (await meta.download(url)).status == status


async def test_an_error_of_metas(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "error", code=131052, http=500)
    answered = await meta.download(url)
    assert (answered.status, answered.body["error"]["code"]) == (500, 131052)


@pytest.mark.parametrize("kind", ["truncated_200", "reset", "drop_after_accept"])
async def test_the_connection_breaks(meta: Meta, kind: str) -> None:
    url = await address(meta)
    await fault(meta, kind)
    with pytest.raises(aiohttp.ClientError):
        await meta.download(url)


async def test_bytes_come_slowly_but_whole(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "slow", seconds=0.001)
    assert (await meta.download(url)).raw == PIXEL


async def test_bytes_never_end(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "endless")
    received = 0
    async with meta.client.get(url, headers={"Authorization": "Bearer t"}) as response:
        assert "content-length" not in response.headers
        async for chunk in response.content.iter_any():
            received += len(chunk)
            if received > 5 * 1024 * 1024:
                break
    assert received > 5 * 1024 * 1024


async def test_a_slow_host_is_given_up_on(meta: Meta) -> None:
    url = await address(meta)
    await fault(meta, "latency", seconds=60)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await meta.download(url)


async def test_a_wrong_hash_in_the_descriptor(meta: Meta) -> None:
    media_id = await meta.upload()
    await fault(meta, "wrong_hash", "media", match={"method": "GET"})
    assert (await meta.describe(media_id))["sha256"] != hashlib.sha256(PIXEL).hexdigest()


async def test_a_descriptor_that_claims_too_much(meta: Meta) -> None:
    media_id = await meta.upload()
    await fault(meta, "oversized", "media", extra_bytes=200_000_000)
    assert (await meta.describe(media_id))["file_size"] == len(PIXEL) + 200_000_000


@pytest.mark.parametrize("flaw", ["corrupt", "oversized", "wrong_hash"])
async def test_a_received_file_is_flawed_for_good(meta: Meta, hook: Receiver, flaw: str) -> None:
    order = {"phone_number_id": NUMBER, "type": "image", "content_base64": "aGVsbG8=", "flaw": flaw}
    await meta.control("inbound", order)
    image = hook.messages()[0]["image"]
    described = await meta.describe(image["id"])
    content = (await meta.download(described["url"])).raw
    has_right_hash = hashlib.sha256(content).hexdigest() == described["sha256"]
    assert not has_right_hash
    assert (len(content) > 5) == (flaw == "oversized")


@pytest.mark.parametrize("flaw", ["corrupt", "oversized", "wrong_hash"])
async def test_an_upload_is_flawed_for_good(meta: Meta, flaw: str) -> None:
    await fault(meta, flaw, "media", match={"method": "POST"})
    described = await meta.describe(await meta.upload())
    content = (await meta.download(described["url"])).raw
    assert hashlib.sha256(content).hexdigest() != described["sha256"]


async def test_the_upload_is_answered_with_a_page(meta: Meta) -> None:
    await fault(meta, "html_200", "media", match={"method": "POST"})
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("file", PIXEL, filename="a.png", content_type="image/png")
    answered = await meta.graph("POST", f"{NUMBER}/media", data=form)
    assert (answered.status, answered.headers["content-type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize(("kind", "effect"), [("slow", {"seconds": 0.001}), ("latency", {"seconds": 0.001})])
async def test_the_upload_is_answered_slowly(meta: Meta, kind: str, effect: dict[str, Any]) -> None:
    await fault(meta, kind, "media", **effect)
    assert (await meta.describe(await meta.upload()))["file_size"] == len(PIXEL)


async def test_the_answer_to_an_upload_never_ends(meta: Meta) -> None:
    await fault(meta, "endless", "media")
    form = aiohttp.FormData()
    form.add_field("messaging_product", "whatsapp")
    form.add_field("file", PIXEL, filename="a.png", content_type="image/png")
    headers = {"Authorization": "Bearer t"}
    async with meta.client.post(f"{meta.url}/{NUMBER}/media", data=form, headers=headers) as response:
        assert len(await response.content.readexactly(1024 * 1024)) == 1024 * 1024
