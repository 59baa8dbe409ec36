"""What people send is loaded at once, stored, and served; what cannot be loaded says why."""

import asyncio
import base64
import hashlib
import io
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.dispatch.kinds.media import ReceivingMedia
from rasl.dispatch.loop import Loop
from rasl.dispatch.worker import work
from rasl.domain.tenants import Number
from rasl.services.inbound import applying
from rasl.services.media import receiving
from rasl.services.sending.outbox import Outbox
from tests import samples
from tests.misbehaving import Files, misbehaving
from tests.serving import Api, settings_for
from tests.waiting import until


@pytest.fixture
async def outbox(api: Api, shared_dsn: str) -> AsyncIterator[Outbox]:
    """A worker's outbox on the test's database, behind Meta's door."""
    acme = api.world.acme
    callback = {
        "phone_number_id": acme.phone_number_id,
        "callback_url": f"{api.base_url}/webhooks/whatsapp/{acme.callback_key}",
        "verify_token": acme.verify_token,
        "app_secret": acme.app_secret,
    }
    answer = await api.simulator.post("/_control/callback", callback)
    assert answer.status == 200, answer.body
    async with running(build_resources(api.settings, shared_dsn)) as opened:
        yield opened


async def receive(api: Api, outbox: Outbox, content: bytes, kind: str = "image", **order: Any) -> None:
    """Let a person send a file, and apply the webhook."""
    body = {
        "phone_number_id": api.world.acme.phone_number_id,
        "type": kind,
        "content_base64": base64.b64encode(content).decode(),
        **order,
    }
    answer = await api.simulator.post("/_control/inbound", body)
    assert answer.body["ok"], answer.body
    assert await applying.apply_due(outbox.resources.database, outbox.resources.sealer)


async def load_all(outbox: Outbox) -> int:
    receiver = Loop(ReceivingMedia(outbox))
    started = await receiver.step()
    await receiver.drain()
    return started


async def the_message(api: Api) -> Any:
    """Return the one inbound message in full."""
    (item,) = (await api.acme.get("/api/v2/messages?filter[direction]=inbound")).body["data"]
    return (await api.acme.get(f"/api/v2/messages/{item['id']}")).data


async def jobs_left(database: Database) -> list[Any]:
    async with database.connection() as db:
        return [tuple(row) for row in await db.fetch("select kind, is_leased, due_at > now() from jobs")]


async def hurry(database: Database) -> None:
    """Make everything that waits due."""
    async with database.connection() as db:
        await db.execute("update jobs set due_at = now(), is_leased = false")


async def fault(api: Api, endpoint: str, effect: Any, method: str = "GET") -> None:
    # A read that was reset is read again at once.
    count = 2 if effect == "reset" else 1
    rule = {"when": {"next": count}, "match": {"endpoint": endpoint, "method": method}, "effect": effect}
    answer = await api.simulator.post("/_control/faults", rule)
    assert answer.status == 200, answer.body


async def load(api: Api, url: str) -> tuple[int, bytes, Any]:
    async with api.nobody.session.get(url.replace(api.settings.base_url, api.base_url)) as answer:
        return answer.status, await answer.read(), answer.headers


async def test_a_picture_of_a_person_is_stored_and_served(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await receive(api, outbox, samples.JPEG, mime_type="image/jpeg")
    assert (await the_message(api))["url"] is None
    assert await load_all(outbox) == 1
    message = await the_message(api)
    status, content, headers = await load(api, message["url"])
    assert (status, content, headers["content-type"]) == (200, samples.JPEG, "image/jpeg")
    assert message["status_message"] is None
    assert await jobs_left(database) == []


async def test_a_worker_loads_it_without_being_asked(api: Api, outbox: Outbox) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(work(outbox, stop))
    body = {"phone_number_id": api.world.acme.phone_number_id, "type": "image"}
    assert (await api.simulator.post("/_control/inbound", body)).body["ok"]

    async def is_loaded() -> bool:
        found = (await api.acme.get("/api/v2/messages?filter[direction]=inbound")).body["data"]
        return (
            bool(found) and (await api.acme.get(f"/api/v2/messages/{found[0]['id']}")).data["url"] is not None
        )

    await until(is_loaded)
    stop.set()
    await running


async def test_a_document_keeps_its_name_and_any_type(api: Api, outbox: Outbox) -> None:
    await receive(
        api,
        outbox,
        samples.ELF,
        "document",
        mime_type="application/pdf",
        document={"filename": "../Über.bin"},
    )
    await load_all(outbox)
    _, content, headers = await load(api, (await the_message(api))["url"])
    assert content == samples.ELF
    assert (
        headers["content-disposition"] == "attachment; filename=\"_ber.bin\"; filename*=UTF-8''%C3%9Cber.bin"
    )
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("has_type", [True, False])
async def test_a_voice_message_of_the_older_kind_is_loaded_like_every_audio(
    api: Api, outbox: Outbox, database: Database, has_type: bool
) -> None:
    body = {
        "phone_number_id": api.world.acme.phone_number_id,
        "type": "audio",
        "content_base64": base64.b64encode(samples.MP3).decode(),
        "mime_type": "audio/mpeg",
    }
    assert (await api.simulator.post("/_control/inbound", body)).body["ok"]
    async with database.connection() as db:
        raw = await db.fetchval("select body from ingests")
        delivery = json.loads(raw)
        message = delivery["entry"][0]["changes"][0]["value"]["messages"][0]
        message |= {"type": "voice", "voice": message.pop("audio")}
        if not has_type:
            del message["type"]
        await db.execute("update ingests set body = $1", json.dumps(delivery).encode())
    assert await applying.apply_due(outbox.resources.database, outbox.resources.sealer) == 1
    assert await load_all(outbox) == 1
    message = await the_message(api)
    assert message["type"] == "audio"
    status, content, headers = await load(api, message["url"])
    assert (status, content, headers["content-type"]) == (200, samples.MP3, "audio/mpeg")


async def test_texts_make_no_downloads(api: Api, outbox: Outbox, database: Database) -> None:
    body = {"phone_number_id": api.world.acme.phone_number_id, "body": "hi"}
    await api.simulator.post("/_control/inbound", body)
    await applying.apply_due(outbox.resources.database, outbox.resources.sealer)
    assert await jobs_left(database) == []


@pytest.mark.parametrize(
    ("endpoint", "effect", "reason"),
    [
        ("media", "html_502", "HTTP 502"),
        ("media", "reset", "Connection reset"),
        ("media", {"kind": "error", "code": 4}, "API Too Many Calls"),
        ("media", {"kind": "error", "code": 131000}, "Something went wrong"),
        ("media", {"kind": "error", "code": 190}, "Access token has expired"),
        ("media", "wrong_hash", None),
        ("media_download", "html_502", "HTTP 502"),
        ("media_download", "reset", "Connection reset"),
        ("media_download", "truncated_200", "ClientPayloadError"),
        ("media_download", "corrupt", "it arrived damaged"),
    ],
)
async def test_what_fails_is_tried_again_later_and_says_so(
    api: Api, outbox: Outbox, database: Database, endpoint: str, effect: Any, reason: str | None
) -> None:
    await receive(api, outbox, samples.PNG)
    await fault(api, endpoint, effect)
    await load_all(outbox)
    message = await the_message(api)
    if reason is None:  # the webhook's own digest counts
        assert message["url"]
        return
    assert message["url"] is None
    assert message["status_message"].startswith("The file could not be loaded from WhatsApp yet: ")
    assert reason in message["status_message"]
    assert await jobs_left(database) == [("media", False, True)]
    await hurry(database)
    await load_all(outbox)
    message = await the_message(api)
    assert message["url"]
    assert message["status_message"] is None


async def test_an_address_that_died_is_asked_for_again(api: Api, outbox: Outbox) -> None:
    await receive(api, outbox, samples.PNG)
    await fault(api, "media_download", {"kind": "custom", "http": 404, "body": ""})
    await load_all(outbox)
    assert (await the_message(api))["url"]


async def test_a_file_meta_cannot_give_is_given_up(api: Api, outbox: Outbox, database: Database) -> None:
    await receive(api, outbox, samples.PNG)
    await fault(api, "media", {"kind": "error", "code": 131052})
    await load_all(outbox)
    message = await the_message(api)
    assert message["status_message"].startswith(
        "The file could not be loaded from WhatsApp: Media download error"
    )
    assert await jobs_left(database) == []


async def test_after_seven_days_it_is_given_up(api: Api, outbox: Outbox, database: Database) -> None:
    await receive(api, outbox, samples.PNG)
    async with database.connection() as db:
        await db.execute("update messages set created_at = now() - interval '8 days'")
    await fault(api, "media", "html_502")
    await load_all(outbox)
    assert "could not be loaded from WhatsApp: " in (await the_message(api))["status_message"]
    assert await jobs_left(database) == []


async def test_a_file_that_claims_to_be_too_large_is_not_loaded(api: Api, outbox: Outbox) -> None:
    await receive(api, outbox, samples.PNG)
    await fault(api, "media", {"kind": "oversized", "extra_bytes": 200 * 1024 * 1024})
    await load_all(outbox)
    assert "larger than 100 MB" in (await the_message(api))["status_message"]


@pytest.fixture(scope="module")
async def files() -> AsyncIterator[Files]:
    async with misbehaving() as server:
        yield server


async def follow(api: Api, dsn: str, url: str, *, allow_private: bool) -> bytes | None:
    """Download from an address as Meta's descriptors name them."""
    number = Number(1, "1", None, "EAAmeta0123456789abcdef", 80)
    settings = settings_for(api.settings.graph_base_url, allow_private_urls=allow_private)
    async with running(build_resources(settings, dsn)) as outbox:
        return await receiving._download(outbox.resources, number, url, io.BytesIO())


async def test_a_redirect_is_followed_without_the_token(api: Api, shared_dsn: str, files: Files) -> None:
    url = f"{files.url}/elsewhere?to=/photo.png"
    digest = await follow(api, shared_dsn, url, allow_private=True)
    assert digest == hashlib.sha256(samples.PNG).digest()
    assert files.headers[-2]["Authorization"] == "Bearer EAAmeta0123456789abcdef"
    assert "Authorization" not in files.headers[-1]


@pytest.mark.parametrize("place", ["http://169.254.169.254/latest", "/photo.png", "file:///etc/passwd"])
async def test_a_redirect_into_a_private_network_is_not_followed(
    api: Api, shared_dsn: str, files: Files, place: str
) -> None:
    before = files.asked["/photo.png"]
    with pytest.raises(receiving._LaterError, match="the address it redirects to"):
        await follow(api, shared_dsn, f"{files.url}/elsewhere?to={place}", allow_private=False)
    assert files.asked["/photo.png"] == before


async def test_the_token_never_travels_over_a_weaker_scheme_than_graphs_own(
    shared_dsn: str, files: Files
) -> None:
    settings = settings_for("https://graph.example.test")
    number = Number(1, "1", None, "EAAmeta0123456789abcdef", 80)
    before = files.asked.total()
    async with running(build_resources(settings, shared_dsn)) as outbox:
        with pytest.raises(receiving._LaterError, match="an address of another kind"):
            await receiving._download(outbox.resources, number, f"{files.url}/photo.png", io.BytesIO())
    assert files.asked.total() == before


async def test_a_download_that_is_ended_goes_to_another_process_at_once(
    api: Api, outbox: Outbox, database: Database
) -> None:
    await receive(api, outbox, samples.PNG)
    await fault(api, "media_download", {"kind": "latency", "seconds": 30})
    receiver = Loop(ReceivingMedia(outbox))
    assert await receiver.step() == 1
    await receiver.end()
    assert await jobs_left(database) == [("media", False, False)]
    await api.simulator.call("DELETE", "/_control/faults")
    await load_all(outbox)
    assert (await the_message(api))["url"]


async def test_the_same_picture_is_stored_once(api: Api, outbox: Outbox, database: Database) -> None:
    for _ in range(2):
        await receive(api, outbox, samples.PNG)
        await load_all(outbox)
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from media") == 1


def test_the_lease_outlives_the_longest_download() -> None:
    assert receiving.LEASE.total_seconds() > receiving._LONGEST_SECONDS
