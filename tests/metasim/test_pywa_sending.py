"""An independent client drives the simulator: what it takes from Meta, it takes from us."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from pywa_async import WhatsApp
from pywa_async.errors import (
    InvalidParameter,
    MessageUndeliverable,
    ReEngagementMessage,
    TemplateNotExists,
    WhatsAppError,
)
from pywa_async.types import (
    Button,
    Contact,
    FlowActionType,
    FlowButton,
    ImageCarouselCard,
    ProductsSection,
    Section,
    SectionList,
    SectionRow,
    URLButton,
)
from pywa_async.types.templates import TemplateLanguage

from .clients import pywa_at
from .conftest import PIXEL, USER, WABA, Meta

TO = USER.lstrip("+")
INBOUND = "wamid.HBgLMTY1MDU1NTEyMzQVAgASGBQzQTdCNTg5RjY1MEMyRjlGMjRGNgA="
LINK = "https://files.test/a.png"


@pytest.fixture
async def pywa(meta: Meta) -> AsyncIterator[WhatsApp]:
    client, session = pywa_at(meta.url)
    yield client
    await session.aclose()


async def image(pywa: WhatsApp) -> object:
    return await pywa.send_image(TO, PIXEL, caption="Look", mime_type="image/png")


SENDS: dict[str, Callable[[WhatsApp], Awaitable[object]]] = {
    "text": lambda pywa: pywa.send_message(TO, "Hi https://x.test", preview_url=True, tracker="mine"),
    "reply": lambda pywa: pywa.send_message(TO, "Hi", reply_to_message_id=INBOUND),
    "image by link": lambda pywa: pywa.send_image(TO, LINK, caption="Look"),
    "image by upload": image,
    "video by link": lambda pywa: pywa.send_video(TO, "https://files.test/a.mp4", caption="Look"),
    "video by upload": lambda pywa: pywa.send_video(TO, b"video", mime_type="video/mp4"),
    "document by upload": lambda pywa: pywa.send_document(
        TO, b"%PDF-", filename="a.pdf", caption="Read", mime_type="application/pdf"
    ),
    "audio by upload": lambda pywa: pywa.send_audio(TO, b"ID3", mime_type="audio/mpeg"),
    "voice by upload": lambda pywa: pywa.send_voice(TO, b"OggS", mime_type="audio/ogg"),
    "sticker by upload": lambda pywa: pywa.send_sticker(TO, b"RIFF", mime_type="image/webp"),
    "reaction": lambda pywa: pywa.send_reaction(TO, "😀", INBOUND),
    "no reaction": lambda pywa: pywa.remove_reaction(TO, INBOUND),
    "location": lambda pywa: pywa.send_location(TO, 37.48, -122.15, "HQ", "1 Road"),
    "contact": lambda pywa: pywa.send_contact(
        TO,
        Contact(
            name=Contact.Name(formatted_name="Ana", first_name="Ana"), phones=[Contact.Phone(phone="+1")]
        ),
    ),
    "buttons": lambda pywa: pywa.send_message(
        TO, "Sure?", header="Question", footer="Say", buttons=[Button("Yes", "y"), Button("No", "n")]
    ),
    "buttons under a picture": lambda pywa: pywa.send_image(TO, LINK, "Sure?", buttons=[Button("Yes", "y")]),
    "list": lambda pywa: pywa.send_message(
        TO,
        "Choose",
        buttons=SectionList("All", [Section("One", [SectionRow("A", "a", "first"), SectionRow("B", "b")])]),
    ),
    "link": lambda pywa: pywa.send_message(TO, "Go", buttons=URLButton("Open", "https://x.test")),
    "flow": lambda pywa: pywa.send_message(
        TO,
        "Sign up",
        buttons=FlowButton(
            title="Sign up",
            flow_id="1",
            flow_token="t",
            flow_action_type=FlowActionType.NAVIGATE,
            flow_action_screen="FIRST",
        ),
    ),
    "location request": lambda pywa: pywa.request_location(TO, "Where are you?"),
    "catalog": lambda pywa: pywa.send_catalog(TO, "Everything", "And more", thumbnail_product_sku="sku"),
    "product": lambda pywa: pywa.send_product(TO, "123", "sku", "This one"),
    "products": lambda pywa: pywa.send_products(
        TO, "123", [ProductsSection("Some", ["a", "b"])], "Title", "Body"
    ),
    "carousel": lambda pywa: pywa.send_carousel(
        TO,
        body="Look",
        cards=[ImageCarouselCard(image=LINK, buttons=URLButton("Open", "https://x.test"), body="One")] * 2,
    ),
    "carousel with replies": lambda pywa: pywa.send_carousel(
        TO, body="Look", cards=[ImageCarouselCard(image=LINK, buttons=[Button("Yes", "y")])] * 3
    ),
}


@pytest.mark.parametrize("send", SENDS.values(), ids=SENDS.keys())
async def test_it_sends(meta: Meta, pywa: WhatsApp, send: Callable[[WhatsApp], Awaitable[object]]) -> None:
    sent = await send(pywa)
    assert getattr(sent, "id", "").startswith("wamid.")
    assert (await meta.look("requests?accepted=true"))["matching"] == 1


async def test_it_marks_as_read_and_types(pywa: WhatsApp) -> None:
    assert (await pywa.mark_message_as_read(INBOUND)).success
    assert (await pywa.indicate_typing(INBOUND)).success


async def test_it_uploads_downloads_and_deletes(pywa: WhatsApp, tmp_path: Path) -> None:
    media = await pywa.upload_media(PIXEL, mime_type="image/png", filename="a.png")
    described = await pywa.get_media_url(media.id)
    assert (described.mime_type, described.file_size) == ("image/png", len(PIXEL))
    assert await pywa.get_media_bytes(described.url) == PIXEL
    path = await pywa.download_media(url=described.url, path=tmp_path, filename="a.png")
    assert path.read_bytes() == PIXEL
    assert (await pywa.delete_media(media.id)).success
    with pytest.raises(WhatsAppError):
        await pywa.get_media_url(media.id)


async def test_it_knows_our_errors(meta: Meta, pywa: WhatsApp) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": [{"name": "x"}]})
    with pytest.raises(TemplateNotExists):
        await pywa.send_template(TO, "y", TemplateLanguage.ENGLISH_US)
    with pytest.raises(InvalidParameter):
        await pywa.send_message(TO, "Sure?", buttons=[Button("x" * 21, "y")])
    for code, error in ((131047, ReEngagementMessage), (131026, MessageUndeliverable)):
        await meta.control("faults", {"effect": {"kind": "error", "code": code, "via": "sync"}})
        with pytest.raises(error):
            await pywa.send_message(TO, "Hi")
        await meta.control("faults", method="DELETE")


async def test_it_reads_the_number_and_the_account(pywa: WhatsApp) -> None:
    assert (await pywa.get_business_phone_number()).verified_name == "Acme"
    assert len(await pywa.get_business_phone_numbers()) == 1
