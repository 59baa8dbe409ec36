import base64
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from .conftest import NUMBER, PIXEL, USER, WABA, Answered, Meta, Receiver

MEGABYTE = 1024 * 1024
DAY = 86_400


def form(content: bytes = PIXEL, mime_type: str = "image/png", **fields: str) -> aiohttp.FormData:
    data = aiohttp.FormData()
    for name, value in {"messaging_product": "whatsapp", "type": mime_type, **fields}.items():
        data.add_field(name, value)
    data.add_field("file", io.BytesIO(content), filename="a.png", content_type=mime_type)
    return data


async def send(meta: Meta, kind: str, content: dict[str, Any]) -> Answered:
    message: dict[str, Any] = {"type": kind, kind: content}
    return await meta.send(**message)


async def advance(meta: Meta, seconds: float) -> None:
    await meta.control("clock", {"advance": seconds})


async def test_a_file_is_uploaded_described_downloaded_and_deleted(meta: Meta) -> None:
    media_id = await meta.upload()
    described = await meta.describe(media_id)
    assert (described["mime_type"], described["file_size"]) == ("image/png", len(PIXEL))
    assert described["sha256"] == hashlib.sha256(PIXEL).hexdigest()
    fetched = await meta.download(described["url"])
    assert (fetched.raw, fetched.headers["content-type"]) == (PIXEL, "image/png")
    assert (await meta.graph("DELETE", media_id)).body == {"success": True}
    assert (await meta.graph("GET", media_id)).body["error"]["error_subcode"] == 33
    assert (await meta.download(described["url"])).status == 404


async def test_the_bytes_are_on_another_port(meta: Meta) -> None:
    url = (await meta.describe(await meta.upload()))["url"]
    port = (await meta.look("health"))["media_port"]
    assert url.startswith(f"http://127.0.0.1:{port}/whatsapp_business/attachments/")
    assert not url.startswith(meta.url)
    beside = url.replace(f":{port}/", f":{meta.url.rpartition(':')[2]}/")
    assert (await meta.download(beside)).body["error"]["code"] == 100
    assert (await meta.call("GET", f"http://127.0.0.1:{port}/_control/health")).status == 404


async def test_the_media_host_may_have_a_public_address(meta: Meta) -> None:
    await meta.control("settings", {"public_media_url": "https://media.test/"})
    url = (await meta.describe(await meta.upload()))["url"]
    assert url.startswith("https://media.test/whatsapp_business/attachments/?mid=")


@pytest.mark.parametrize("token", ["", "expired", "strangers"])
async def test_the_bytes_need_the_right_token(meta: Meta, token: str) -> None:
    await meta.control("tokens", {"token": "mine", "phone_number_ids": [NUMBER]})
    await meta.control("tokens", {"token": "expired", "state": "expired"})
    await meta.control("tokens", {"token": "strangers"})
    media_id = await meta.upload(token="mine")
    url = (await meta.graph("GET", media_id, "mine")).body["url"]
    assert (await meta.download(url, "mine")).status == 200
    assert (await meta.download(url, token)).status == 401
    assert (await meta.graph("GET", media_id, "strangers")).body["error"]["error_subcode"] == 33


async def test_an_address_expires_after_five_minutes(meta: Meta) -> None:
    media_id = await meta.upload()
    url = (await meta.describe(media_id))["url"]
    await advance(meta, 299)
    assert (await meta.download(url)).status == 200
    await advance(meta, 2)
    assert (await meta.download(url)).status == 404
    assert (await meta.download((await meta.describe(media_id))["url"])).status == 200


async def test_a_forged_address_is_not_found(meta: Meta) -> None:
    url = (await meta.describe(await meta.upload()))["url"]
    assert (await meta.download(url + "0")).status == 404


async def test_uploads_live_for_thirty_days_and_received_files_for_seven(meta: Meta, hook: Receiver) -> None:
    uploaded = await meta.upload()
    await meta.control("inbound", {"phone_number_id": NUMBER, "type": "image"})
    received = hook.messages()[0]["image"]["id"]
    await advance(meta, 7 * DAY - 60)
    assert (await meta.graph("GET", received)).status == 200
    await advance(meta, 120)
    assert (await meta.graph("GET", received)).body["error"]["error_subcode"] == 33
    await advance(meta, 23 * DAY - 240)
    assert (await meta.graph("GET", uploaded)).status == 200
    await advance(meta, 240)
    assert (await meta.graph("GET", uploaded)).body["error"]["error_subcode"] == 33
    assert (await meta.send(type="image", image={"id": uploaded})).body["error"]["code"] == 100


@pytest.mark.parametrize(
    ("given", "status", "content", "range_"),
    [
        ("bytes=0-3", 206, PIXEL[:4], f"bytes 0-3/{len(PIXEL)}"),
        ("bytes=4-", 206, PIXEL[4:], f"bytes 4-{len(PIXEL) - 1}/{len(PIXEL)}"),
        ("bytes=-3", 206, PIXEL[-3:], f"bytes {len(PIXEL) - 3}-{len(PIXEL) - 1}/{len(PIXEL)}"),
        ("bytes=2-999", 206, PIXEL[2:], f"bytes 2-{len(PIXEL) - 1}/{len(PIXEL)}"),
        ("bytes=999-", 416, b"", f"bytes */{len(PIXEL)}"),
        ("lines=1-2", 200, PIXEL, None),
    ],
)
async def test_ranges(meta: Meta, given: str, status: int, content: bytes, range_: str | None) -> None:
    url = (await meta.describe(await meta.upload()))["url"]
    fetched = await meta.download(url, Range=given)
    assert (fetched.status, fetched.raw) == (status, content)
    assert fetched.headers.get("content-range") == range_


async def test_a_number_named_must_be_the_one_that_uploaded(meta: Meta) -> None:
    media_id = await meta.upload()
    assert (await meta.graph("GET", f"{media_id}?phone_number_id={NUMBER}")).status == 200
    assert (await meta.graph("GET", f"{media_id}?phone_number_id=1")).body["error"]["code"] == 100
    assert (await meta.graph("DELETE", f"{media_id}?phone_number_id=1")).body["error"]["code"] == 100
    assert (await meta.graph("DELETE", f"{media_id}?phone_number_id={NUMBER}")).status == 200


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (form(messaging_product="x"), "(#100) The parameter messaging_product is required."),
        (form(mime_type="audio/wav"), "Received file of type 'audio/wav'."),
        (form(b"x" * (5 * MEGABYTE + 1)), "(#100) Invalid parameter"),
        (form(b""), "(#100) Invalid parameter"),
        (aiohttp.FormData({"messaging_product": "whatsapp"}), "messaging_product is required"),
    ],
    ids=["no product", "wrong type", "too large", "empty", "not multipart"],
)
async def test_a_bad_upload_is_refused(meta: Meta, data: aiohttp.FormData, message: str) -> None:
    answered = await meta.graph("POST", f"{NUMBER}/media", data=data)
    assert answered.status == 400
    assert message in answered.body["error"]["message"]


async def test_other_documents_are_taken_where_the_settings_say_so(meta: Meta) -> None:
    await meta.control("settings", {"any_document_type": True})
    assert await meta.upload(b"a,b", "text/csv")


async def pieces(size: int) -> AsyncIterator[bytes]:
    for at in range(0, size, MEGABYTE):
        yield bytes(min(MEGABYTE, size - at))


async def test_a_hundred_megabytes_go_up_and_come_down(meta: Meta) -> None:
    size = 100 * MEGABYTE
    with aiohttp.MultipartWriter("form-data") as data:
        for name, value in (("messaging_product", "whatsapp"), ("type", "application/pdf")):
            data.append(value).set_content_disposition("form-data", name=name)
        part = aiohttp.get_payload(pieces(size), headers={"Content-Type": "application/pdf"})
        part.set_content_disposition("form-data", name="file", filename="large.pdf")
        data.append_payload(part)
    answered = await meta.graph("POST", f"{NUMBER}/media", data=data)
    assert answered.status == 200, answered.body
    described = await meta.describe(answered.body["id"])
    assert described["file_size"] == size
    digest, received = hashlib.sha256(), 0
    headers = {"Authorization": "Bearer token"}
    async with meta.client.get(described["url"], headers=headers) as response:
        async for chunk in response.content.iter_any():
            digest.update(chunk)
            received += len(chunk)
    assert (received, digest.hexdigest()) == (size, described["sha256"])
    assert (await meta.download(described["url"], Range=f"bytes={size - 2}-")).raw == b"\0\0"


@pytest.mark.parametrize("code", [100, 131009])
@pytest.mark.parametrize("kind", ["image", "video", "audio", "document", "sticker"])
async def test_an_unknown_id_is_refused(meta: Meta, kind: str, code: int) -> None:
    await meta.control("settings", {"unknown_media_code": code})
    error = (await send(meta, kind, {"id": "1"})).body["error"]
    text = f"Param {kind}['id'] is not a valid whatsapp business account media attachment ID"
    assert error["code"] == code
    assert text in {error["message"].removeprefix("(#100) "), error.get("error_data", {}).get("details")}


async def test_another_accounts_file_cannot_be_sent(meta: Meta) -> None:
    other = await meta.control("numbers", {"waba_id": "1"})
    media_id = await meta.upload(number=other["phone_number_id"])
    assert (await meta.send(type="image", image={"id": media_id})).body["error"]["code"] == 100


SENDS: list[tuple[str, str, dict[str, Any], str | None]] = [
    ("image", "image/png", {}, None),
    ("video", "video/mp4", {}, None),
    ("document", "application/pdf", {"filename": "a.pdf"}, None),
    ("audio", "audio/ogg", {"voice": True}, None),
    ("sticker", "image/webp", {}, None),
    (
        "video",
        "image/png",
        {},
        "Unsupported Video mime type image/png. Please use one of video/3gpp, video/mp4.",
    ),
    (
        "image",
        "image/webp",
        {},
        "Unsupported Image mime type image/webp. Please use one of image/jpeg, image/png.",
    ),
    ("sticker", "image/png", {}, "Unsupported Sticker mime type image/png. Please use one of image/webp."),
    (
        "audio",
        "audio/mpeg",
        {"voice": True},
        "Unsupported Audio mime type audio/mpeg. Please use one of audio/ogg.",
    ),
]


@pytest.mark.parametrize(("kind", "mime_type", "more", "details"), SENDS)
async def test_a_file_must_suit_its_kind(
    meta: Meta, hook: Receiver, kind: str, mime_type: str, more: dict[str, Any], details: str | None
) -> None:
    media_id = await meta.upload(mime_type=mime_type)
    wamid = (await send(meta, kind, {"id": media_id, **more})).body["messages"][0]["id"]
    await hook.until(lambda: bool(hook.rungs(wamid)))
    status = hook.statuses(wamid)[0]
    if details is None:
        assert status["status"] == "sent"
    else:
        assert status["errors"][0]["code"] == 131053
        assert status["errors"][0]["error_data"]["details"] == details


def in_template(media_id: str) -> dict[str, Any]:
    header = {"type": "header", "parameters": [{"type": "image", "image": {"id": media_id}}]}
    return {"type": "template", "template": {"name": "x", "language": {"code": "en"}, "components": [header]}}


def in_card(media_id: str) -> dict[str, Any]:
    card = {
        "header": {"type": "image", "image": {"id": media_id}},
        "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.test"}},
    }
    action = {"cards": [{"card_index": index, **card} for index in range(2)]}
    content = {"type": "carousel", "body": {"text": "?"}, "action": action}
    return {"type": "interactive", "interactive": content}


def in_header(media_id: str) -> dict[str, Any]:
    buttons = [{"type": "reply", "reply": {"id": "a", "title": "A"}}]
    header = {"type": "image", "image": {"id": media_id}}
    content = {"type": "button", "header": header, "body": {"text": "?"}, "action": {"buttons": buttons}}
    return {"type": "interactive", "interactive": content}


@pytest.mark.parametrize("message", [in_template, in_card, in_header])
async def test_a_file_must_suit_the_header_it_is_in(
    meta: Meta, hook: Receiver, message: Callable[[str], dict[str, Any]]
) -> None:
    fine = (await meta.send(**message(await meta.upload()))).body["messages"][0]["id"]
    media_id = await meta.upload(mime_type="application/pdf")
    wrong = (await meta.send(**message(media_id))).body["messages"][0]["id"]
    await hook.until(lambda: bool(hook.rungs(fine) and hook.rungs(wrong)))
    assert hook.rungs(fine)[0] == "sent"
    assert hook.statuses(wrong)[0]["errors"][0]["code"] == 131053
    assert (await meta.send(**message("1"))).body["error"]["code"] == 100


async def test_a_static_sticker_is_small_and_an_animated_one_larger(meta: Meta, hook: Receiver) -> None:
    animated = b"RIFF0000WEBPVP8X\x0a\0\0\0\x02" + bytes(200 * 1024)
    outcomes = []
    for content in (bytes(200 * 1024), animated):
        media_id = await meta.upload(content, "image/webp")
        wamid = (await meta.send(type="sticker", sticker={"id": media_id})).body["messages"][0]["id"]
        await hook.until(lambda wamid=wamid: bool(hook.rungs(wamid)))  # type: ignore[misc]
        outcomes.append(hook.rungs(wamid)[0])
    assert outcomes == ["failed", "sent"]


async def test_a_received_files_hash_is_base64_in_the_webhook(meta: Meta, hook: Receiver) -> None:
    order = {"phone_number_id": NUMBER, "type": "document", "content_size": 2 * MEGABYTE, "from": USER}
    await meta.control("inbound", order)
    document = hook.messages()[0]["document"]
    described = await meta.describe(document["id"])
    assert base64.b64decode(document["sha256"]).hex() == described["sha256"]
    assert described["file_size"] == 2 * MEGABYTE
    assert len((await meta.download(document["url"])).raw) == 2 * MEGABYTE


async def test_webhooks_may_come_without_the_address(meta: Meta, hook: Receiver) -> None:
    await meta.control("settings", {"inbound_media_url": False})
    await meta.control("inbound", {"phone_number_id": NUMBER, "type": "image"})
    assert "url" not in hook.messages()[0]["image"]


async def test_a_kept_number_keeps_its_files(meta: Meta) -> None:
    media_id = await meta.upload()
    await meta.control("reset", {"keep_numbers": True})
    assert (await meta.graph("GET", media_id)).status == 200
    assert (await meta.look("numbers"))["data"][0]["waba_id"] == WABA
