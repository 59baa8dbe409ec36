"""Headers that are files, cards, and codes that wait for the worker."""

from typing import Any

import aiohttp
import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.dispatch.kinds.sending import Sending
from rasl.dispatch.loop import Loop
from tests import samples
from tests.api.v2.media_calls import form, uploads
from tests.api.v2.templated import PHONE, SEND, have, send, sent, template
from tests.serving import Answer, Api

HELLO = {"type": "BODY", "text": "Here it is"}


def header(format_: str) -> dict[str, Any]:
    return {"type": "HEADER", "format": format_}


async def send_form(api: Api, content: bytes, name: str, field: str, **fields: str) -> Answer:
    own = {"phone": PHONE, "template_name": "file", "language": "en_GB", **fields}
    data: aiohttp.FormData = form(content, name, field, **own)
    return await api.acme.post(SEND, data=data)


@pytest.mark.parametrize(
    ("format_", "content", "name"),
    [
        ("IMAGE", samples.PNG, "a.png"),
        ("VIDEO", samples.film(), "a.mp4"),
        ("DOCUMENT", samples.PDF, "a.pdf"),
    ],
)
async def test_a_header_file_of_a_form_is_stored_and_given_to_meta(
    api: Api, format_: str, content: bytes, name: str
) -> None:
    kind = format_.lower()
    await have(api, template("file", header(format_), HELLO))
    answer = await send_form(api, content, name, f"header_{kind}_file")
    assert (answer.status, answer.body.get("error")) == (200, None)
    [component] = (await sent(api))["components"]
    [parameter] = component["parameters"]
    assert component["type"] == "header"
    assert parameter["type"] == kind
    assert parameter[kind]["id"].isdigit()
    assert len(await uploads(api)) == 1


async def test_a_document_is_shown_under_the_name_that_was_given(api: Api) -> None:
    await have(api, template("file", header("DOCUMENT"), HELLO))
    await send_form(api, samples.PDF, "x.pdf", "header_document_file", header_document_name="Invoice.pdf")
    assert (await sent(api))["components"][0]["parameters"][0]["document"]["filename"] == "Invoice.pdf"


async def test_a_stored_file_is_used_by_its_id(api: Api) -> None:
    await have(api, template("file", header("IMAGE"), HELLO))
    stored = await api.acme.post("/api/v2/media", data=form(samples.PNG, media_type="image"))
    media_id = stored.data["id"]
    assert (await send(api, "file", header_media_id=media_id)).status == 200
    answer = await api.globex.post(SEND, {"phone": PHONE, "template_name": "file", "language": "en_GB"})
    assert answer.status == 404
    answer = await send(api, "file", header_media_id=media_id + 1000)
    assert list(answer.details) == ["header_media_id"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({}, "header_image_url"),
        ({"header_video_url": "https://x.test/a.mp4"}, "header_video_url"),
        (
            {"header_image_url": "https://x.test/a.png", "header_video_url": "https://x.test/a.mp4"},
            "header_video_url",
        ),
    ],
)
async def test_a_missing_or_wrong_header_file_is_named(api: Api, fields: dict[str, str], field: str) -> None:
    await have(api, template("file", header("IMAGE"), HELLO))
    answer = await send(api, "file", **fields)
    assert (answer.status, list(answer.details)) == (422, [field])


async def test_a_file_that_is_not_what_the_header_shows_is_refused(api: Api, database: Database) -> None:
    await have(api, template("file", header("IMAGE"), HELLO))
    answer = await send_form(api, samples.PDF, "a.png", "header_image_file")
    assert (answer.status, list(answer.details)) == (422, ["header_image_file"])
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from messages") == 0


async def test_the_file_is_not_stored_when_something_else_is_wrong(api: Api, database: Database) -> None:
    await have(api, template("file", header("IMAGE"), {"type": "BODY", "text": "Hi {{1}}, here it is"}))
    answer = await send_form(api, samples.PNG, "a.png", "header_image_file")
    assert list(answer.details) == ["field_1"]
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from media") == 0


def card(text: str = "Look at {{1}} please") -> dict[str, Any]:
    button = {"type": "URL", "text": "Shop", "url": "https://x.test/{{1}}"}
    parts = [header("IMAGE"), {"type": "BODY", "text": text}, {"type": "BUTTONS", "buttons": [button]}]
    return {"components": parts}


async def test_a_carousel_gets_a_file_values_and_button_for_each_card(api: Api) -> None:
    carousel = {"type": "CAROUSEL", "cards": [card(), card()]}
    await have(api, template("shop", HELLO, carousel, category="MARKETING"))
    stored = await api.acme.post("/api/v2/media", data=form(samples.PNG, media_type="image"))
    values = {"header_media_id": stored.data["id"], "field_1": "this", "button_0": "a"}
    answer = await send(api, "shop", cards=[values, values | {"field_1": "that"}])
    assert (answer.status, answer.body.get("error")) == (200, None)
    [component] = (await sent(api))["components"]
    assert [item["card_index"] for item in component["cards"]] == [0, 1]
    assert component["cards"][1]["components"][1]["parameters"] == [{"type": "text", "text": "that"}]
    answer = await send(api, "shop", cards=[values, {"field_1": "x" * 150}])
    assert set(answer.details) == {
        "cards.1.header_image_url",
        "cards.1.button_0",
        "cards.1.field_1",
    }
    answer = await send(api, "shop", cards=[values])
    assert answer.details == {"cards": ["The template has 2 cards"]}


async def test_a_code_that_waited_for_the_worker_reaches_meta_whole(
    api: Api, database: Database, shared_dsn: str
) -> None:
    body = {"type": "BODY", "text": "*{{1}}* is your verification code."}
    button = {"type": "URL", "text": "Copy", "url": "https://www.whatsapp.com/otp/code/?code=otp{{1}}"}
    login = template("login", body, {"type": "BUTTONS", "buttons": [button]}, category="AUTHENTICATION")
    await have(api, login)
    answer = await api.acme.post(
        SEND,
        {"phone": PHONE, "template_name": "login", "language": "en_GB", "field_1": "918273"},
        headers={"prefer": "respond-async"},
    )
    assert answer.status == 202
    async with database.connection() as db:
        assert "918273" not in await db.fetchval("select m::text from messages m")
    async with running(build_resources(api.settings, shared_dsn)) as outbox:
        sender = Loop(Sending(outbox))
        while await sender.step():
            await sender.drain()
    assert (await sent(api))["components"][0]["parameters"] == [{"type": "text", "text": "918273"}]


async def test_a_form_is_idempotent(api: Api, database: Database) -> None:
    await have(api, template("file", header("IMAGE"), HELLO))
    own = {"phone": PHONE, "template_name": "file", "language": "en_GB"}
    answers = [
        await api.acme.post(
            SEND,
            data=form(samples.PNG, "a.png", "header_image_file", **own),
            headers={"idempotency-key": "order-7"},
        )
        for _ in range(2)
    ]
    assert answers[0].data == answers[1].data
    async with database.connection() as db:
        assert await db.fetchval("select count(*) from messages") == 1


async def test_a_stored_file_becomes_the_example_of_a_new_template(api: Api) -> None:
    stored = await api.acme.post("/api/v2/media", data=form(samples.PNG, media_type="image"))
    new = {
        "name": "picture_approved",
        "language": "en_GB",
        "category": "UTILITY",
        "components": [header("IMAGE"), {"type": "BODY", "text": "Here is the picture you asked for."}],
    }
    refused = await api.acme.post("/api/v2/templates", new)
    assert list(refused.details) == ["components.0.example.header_handle"]
    answer = await api.acme.post("/api/v2/templates", new | {"header_sample_media_id": stored.data["id"]})
    assert (answer.status, answer.body.get("error")) == (201, None)
    assert answer.data["header_data_format"] == "IMAGE"
    answer = await api.acme.post("/api/v2/templates", new | {"header_sample_media_id": 10**9})
    assert list(answer.details) == ["header_sample_media_id"]
