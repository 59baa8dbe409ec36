from typing import Any

import pytest

from .conftest import NUMBER, Meta, Receiver


async def inject(meta: Meta, **order: Any) -> Any:
    return await meta.control("inbound", {"phone_number_id": NUMBER, **order})


async def test_a_text_arrives(meta: Meta, hook: Receiver) -> None:
    done = await inject(
        meta,
        **{"from": "+16505551234"},
        body="Hola ñ",
        profile_name="Sheena",
        context={"id": "wamid.X", "from": "1"},
    )
    assert done == {"wamid": done["wamid"], "wamids": [done["wamid"]], "ok": True, "http": 200, "error": None}
    [value] = hook.values()
    [contact] = value["contacts"]
    [message] = value["messages"]
    assert contact == {
        "profile": {"name": "Sheena"},
        "wa_id": "16505551234",
        "user_id": message["from_user_id"],
    }
    assert message["from_user_id"].startswith("US.")
    message.pop("from_user_id")
    assert message == {
        "from": "16505551234",
        "type": "text",
        "context": {"id": "wamid.X", "from": "1"},
        "text": {"body": "Hola ñ"},
        "id": done["wamid"],
        "timestamp": message["timestamp"],
    }


async def test_a_user_may_have_no_phone(meta: Meta, hook: Receiver) -> None:
    await inject(meta, user_id="US.13491208655302741918", username="ana.k", profile_name="Ana")
    [value] = hook.values()
    assert value["contacts"] == [
        {"profile": {"name": "Ana", "username": "ana.k"}, "user_id": "US.13491208655302741918"}
    ]
    assert value["messages"][0]["from_user_id"] == "US.13491208655302741918"
    assert "from" not in value["messages"][0]


KINDS: dict[str, dict[str, Any]] = {
    "reaction": {"message_id": "wamid.X", "emoji": "👍"},
    "button": {"payload": "yes", "text": "Yes"},
    "interactive": {"type": "button_reply", "button_reply": {"id": "1", "title": "Yes"}},
    "location": {"latitude": 1.5, "longitude": 2.5},
    "order": {"catalog_id": "1", "product_items": []},
    "edit": {"original_message_id": "wamid.X", "message": {"type": "text", "text": {"body": "x"}}},
    "revoke": {"original_message_id": "wamid.X"},
}


@pytest.mark.parametrize(("kind", "content"), KINDS.items())
async def test_every_type_passes_through(
    meta: Meta, hook: Receiver, kind: str, content: dict[str, Any]
) -> None:
    await inject(meta, type=kind, **{kind: content})
    [message] = hook.messages()
    assert (message["type"], message[kind]) == (kind, content)


async def test_a_system_message_has_no_contacts(meta: Meta, hook: Receiver) -> None:
    await inject(
        meta, type="system", system={"type": "user_changed_number", "wa_id": "16505559999", "body": "x"}
    )
    assert "contacts" not in hook.values()[0]


async def test_an_unsupported_message_carries_its_error(meta: Meta, hook: Receiver) -> None:
    await inject(meta, type="unsupported")
    assert hook.messages()[0]["errors"][0]["code"] == 131051


async def test_contacts_and_senders_do_not_mix(meta: Meta, hook: Receiver) -> None:
    shared = [{"name": {"formatted_name": "Bob"}}]
    await inject(meta, type="contacts", contacts=shared)
    assert hook.messages()[0]["contacts"] == shared


async def test_an_image_can_be_downloaded(meta: Meta, hook: Receiver) -> None:
    await inject(
        meta, type="image", image={"caption": "Look"}, content_base64="aGVsbG8=", mime_type="image/jpeg"
    )
    image = hook.messages()[0]["image"]
    assert (image["caption"], image["mime_type"]) == ("Look", "image/jpeg")
    fetched = await meta.download(image["url"])
    assert fetched.raw == b"hello"
    assert (await meta.graph("GET", image["id"])).body["file_size"] == 5


async def test_an_image_of_the_callers_own_passes_through(meta: Meta, hook: Receiver) -> None:
    given = {"id": "1", "mime_type": "image/png", "sha256": "x"}
    await inject(meta, type="image", image=given)
    assert hook.messages()[0]["image"] == given


async def test_the_webhooks_result_is_told_and_it_is_repeated(meta: Meta, hook: Receiver) -> None:
    hook.answers = [500]
    done = await inject(meta, body="x")
    assert (done["ok"], done["http"]) == (False, 500)
    await hook.until(lambda: len(hook.posts) == 2)
    assert hook.posts[0][1] == hook.posts[1][1]


async def test_many_messages_arrive_in_batches(meta: Meta, hook: Receiver) -> None:
    done = await inject(meta, body="x", count=250)
    await hook.until(lambda: len(hook.messages()) == 250)
    assert [message["id"] for message in hook.messages()].sort() == done["wamids"].sort()
    assert len(set(done["wamids"])) == 250
    assert len(hook.posts) < 250


async def test_without_a_callback_nothing_is_sent(meta: Meta) -> None:
    done = await inject(meta, body="x")
    assert (done["ok"], done["error"]) == (False, "no callback is set")


@pytest.mark.parametrize(
    "order",
    [
        {"type": "location"},
        {"type": 5},
        {"count": 0},
        {"phone_number_id": 5},
        {"type": "image", "content_base64": "?"},
    ],
)
async def test_an_order_that_makes_no_sense_is_refused(meta: Meta, order: dict[str, Any]) -> None:
    assert await meta.refused("inbound", {"phone_number_id": NUMBER, **order})


@pytest.mark.parametrize("window", ["async", "sync"])
async def test_free_form_needs_an_open_window(meta: Meta, hook: Receiver, window: str) -> None:
    await meta.control("settings", {"window": window})
    refused = await meta.send()
    if window == "sync":
        assert (refused.status, refused.body["error"]["code"]) == (400, 131047)
    else:
        assert await hook.climbed(refused.body["messages"][0]["id"], "failed") == ["failed"]
    template = await meta.send(type="template", template={"name": "x", "language": {"code": "en"}})
    await hook.climbed(template.body["messages"][0]["id"], "sent", "delivered", "read")
    await inject(meta, **{"from": "16505551234"})
    wamid = (await meta.send()).body["messages"][0]["id"]
    assert await hook.climbed(wamid, "sent", "delivered", "read") == ["sent", "delivered", "read"]


async def test_a_number_may_have_a_window_of_its_own(meta: Meta) -> None:
    await meta.control("settings", {"window": "sync"})
    await meta.control("numbers", {"phone_number_id": NUMBER, "window": "off"})
    assert (await meta.send()).status == 200
