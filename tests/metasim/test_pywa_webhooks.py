"""An independent client's parser takes every webhook the simulator sends."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from pywa_async import WhatsApp

from .clients import pywa_at
from .conftest import NUMBER, USER, WABA, Meta, Receiver

QUOTED = "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA"


class Reader:
    """A client that keeps what its handlers were called with."""

    def __init__(self, client: WhatsApp) -> None:
        self.client = client
        self.seen: list[Any] = []
        for register in (
            client.on_message,
            client.on_callback_button,
            client.on_callback_selection,
            client.on_flow_completion,
            client.on_message_status,
            client.on_phone_number_change,
            client.on_edited_message,
            client.on_deleted_message,
            client.on_template_status_update,
            client.on_template_quality_update,
            client.on_template_category_update,
            client.on_template_components_update,
        ):
            register(self.take)

    async def take(self, _client: WhatsApp, update: Any) -> None:
        self.seen.append(update)

    async def read(self, hook: Receiver) -> list[Any]:
        for headers, body in hook.posts:
            signature = headers["X-Hub-Signature-256"]
            assert await self.client.webhook_update_validator(body, signature) is None
            assert await self.client.webhook_update_handler(body) == ("ok", 200)
        return self.seen


@pytest.fixture
async def reader(meta: Meta, caplog: pytest.LogCaptureFixture) -> AsyncIterator[Reader]:
    # The library logs what it cannot read and goes on: a test has to look there.
    caplog.set_level(logging.WARNING)
    await meta.control("settings", {"webhook_batch": 1})
    client, session = pywa_at(meta.url)
    yield Reader(client)
    await session.aclose()
    assert [record.getMessage() for record in caplog.records if record.name.startswith("pywa")] == []


CONTEXT = {"from": "15550783881", "id": QUOTED}
INBOUND: dict[str, tuple[dict[str, Any], str]] = {
    "text": ({"body": "Hi"}, "Message"),
    "text reply": ({"body": "Hi", "context": CONTEXT}, "Message"),
    "forwarded": ({"body": "Hi", "context": {"forwarded": True}}, "Message"),
    "referral": (
        {
            "body": "Hi",
            "referral": {
                "source_url": "https://fb.me/x",
                "source_id": "1",
                "source_type": "ad",
                "body": "b",
                "headline": "h",
                "media_type": "image",
                "image_url": "https://x.test",
                "ctwa_clid": "c",
            },
        },
        "Message",
    ),
    "image": ({"type": "image", "image": {"caption": "Look"}}, "Message"),
    "video": ({"type": "video"}, "Message"),
    "audio": ({"type": "audio", "audio": {"voice": True}}, "Message"),
    "document": ({"type": "document", "document": {"filename": "a.pdf"}}, "Message"),
    "sticker": ({"type": "sticker", "sticker": {"animated": False}}, "Message"),
    "location": (
        {"type": "location", "location": {"latitude": 1.5, "longitude": 2.5, "name": "x"}},
        "Message",
    ),
    "contacts": (
        {"type": "contacts", "contacts": [{"name": {"formatted_name": "Bo", "first_name": "Bo"}}]},
        "Message",
    ),
    "reaction": ({"type": "reaction", "reaction": {"message_id": QUOTED, "emoji": "👍"}}, "Message"),
    "no reaction": ({"type": "reaction", "reaction": {"message_id": QUOTED}}, "Message"),
    "button": (
        {"type": "button", "button": {"payload": "p", "text": "Yes"}, "context": CONTEXT},
        "CallbackButton",
    ),
    "button reply": (
        {
            "type": "interactive",
            "interactive": {"type": "button_reply", "button_reply": {"id": "y", "title": "Yes"}},
            "context": CONTEXT,
        },
        "CallbackButton",
    ),
    "list reply": (
        {
            "type": "interactive",
            "interactive": {
                "type": "list_reply",
                "list_reply": {"id": "y", "title": "Yes", "description": "d"},
            },
            "context": CONTEXT,
        },
        "CallbackSelection",
    ),
    "flow": (
        {
            "type": "interactive",
            "interactive": {
                "type": "nfm_reply",
                "nfm_reply": {"name": "flow", "body": "Sent", "response_json": '{"flow_token":"t","a":1}'},
            },
            "context": CONTEXT,
        },
        "FlowCompletion",
    ),
    "order": (
        {
            "type": "order",
            "order": {
                "catalog_id": "1",
                "text": "",
                "product_items": [
                    {"product_retailer_id": "a", "quantity": 1, "item_price": 9.5, "currency": "EUR"}
                ],
            },
        },
        "Message",
    ),
    "unsupported": ({"type": "unsupported"}, "Message"),
    "number change": (
        {
            "type": "system",
            "system": {
                "body": "User Ana changed from 1 to 2",
                "wa_id": "16505550000",
                "type": "user_changed_number",
            },
        },
        "PhoneNumberChange",
    ),
    "edit": (
        {
            "type": "edit",
            "edit": {"original_message_id": QUOTED, "message": {"type": "text", "text": {"body": "New"}}},
        },
        "EditedMessage",
    ),
    "revoke": ({"type": "revoke", "revoke": {"original_message_id": QUOTED}}, "DeletedMessage"),
}


@pytest.mark.parametrize(("order", "kind"), INBOUND.values(), ids=INBOUND.keys())
async def test_it_reads_an_inbound_message(
    meta: Meta, hook: Receiver, reader: Reader, order: dict[str, Any], kind: str
) -> None:
    done = await meta.control("inbound", {"phone_number_id": NUMBER, "from": "16505551234", **order})
    [update] = await reader.read(hook)
    assert (type(update).__name__, update.id) == (kind, done["wamid"])


async def test_it_reads_somebody_without_a_phone_number(meta: Meta, hook: Receiver, reader: Reader) -> None:
    order = {"phone_number_id": NUMBER, "user_id": "US.13491208655302741918", "username": "ana.k"}
    await meta.control("inbound", order)
    [update] = await reader.read(hook)
    assert update.from_user.bsuid == "US.13491208655302741918"


async def test_it_downloads_what_it_received(meta: Meta, hook: Receiver, reader: Reader) -> None:
    order = {"phone_number_id": NUMBER, "type": "image", "content_base64": "aGVsbG8="}
    await meta.control("inbound", order)
    [update] = await reader.read(hook)
    assert await update.image.get_bytes() == b"hello"


@pytest.mark.parametrize("version", ["v23", "v24"])
async def test_it_reads_every_status(meta: Meta, hook: Receiver, reader: Reader, version: str) -> None:
    await meta.control("settings", {"payload_version": version, "played_delay": 0.03})
    voice: dict[str, Any] = {"type": "audio", "audio": {"link": "https://x.test/a.ogg", "voice": True}}
    wamid = (await meta.send(opaque="mine", **voice)).body["messages"][0]["id"]
    await hook.climbed(wamid, "sent", "delivered", "read", "played")
    updates = await reader.read(hook)
    assert {update.status.value for update in updates} == {"sent", "delivered", "read", "played"}
    assert {(update.id, update.tracker) for update in updates} == {(wamid, "mine")}


async def test_it_reads_a_failure(meta: Meta, hook: Receiver, reader: Reader) -> None:
    # Meta's page says that contacts are left out here; this library insists on them.
    await meta.control("settings", {"failed_contacts": True})
    await meta.control("faults", {"effect": {"kind": "error", "code": 131026}})
    wamid = (await meta.send(USER)).body["messages"][0]["id"]
    await hook.climbed(wamid, "failed")
    [update] = await reader.read(hook)
    assert type(update.error).__name__ == "MessageUndeliverable"


ACTIONS: list[tuple[dict[str, Any], str]] = [
    ({"action": "approve"}, "TemplateStatusUpdate"),
    ({"action": "reject", "reason": "INVALID_FORMAT"}, "TemplateStatusUpdate"),
    ({"action": "reject", "reason": "PROMOTIONAL"}, "TemplateStatusUpdate"),
    ({"action": "pause"}, "TemplateStatusUpdate"),
    ({"action": "unpause"}, "TemplateStatusUpdate"),
    ({"action": "disable"}, "TemplateStatusUpdate"),
    ({"action": "mark", "status": "FLAGGED"}, "TemplateStatusUpdate"),
    ({"action": "mark", "status": "REINSTATED"}, "TemplateStatusUpdate"),
    ({"action": "delete"}, "TemplateStatusUpdate"),
    ({"action": "quality", "quality": "RED"}, "TemplateQualityUpdate"),
    ({"action": "recategorise", "category": "MARKETING"}, "TemplateCategoryUpdate"),
    ({"action": "announce_category", "category": "MARKETING"}, "TemplateCategoryUpdate"),
    ({"action": "components", "components": [{"type": "BODY", "text": "New"}]}, "TemplateComponentsUpdate"),
]


@pytest.mark.parametrize(("order", "kind"), ACTIONS)
async def test_it_reads_what_happens_to_a_template(
    meta: Meta, hook: Receiver, reader: Reader, order: dict[str, Any], kind: str
) -> None:
    added = await meta.control("templates", {"waba_id": WABA, "templates": [{"name": "x"}]})
    template_id = added["data"][0]["id"]
    done = await meta.control("template", {"template_id": template_id, **order})
    assert done["webhook"]["ok"] is True
    [update] = await reader.read(hook)
    assert (type(update).__name__, update.template_id) == (kind, template_id)
