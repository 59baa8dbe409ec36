"""The phones at the other end: what they show, and what tapping a button sends."""

from typing import Any

import pytest

from .conftest import NUMBER, PIXEL, WABA, Meta, Receiver

USER = "16505551234"
OTP = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp"
BUTTONS: dict[str, Any] = {
    "type": "button",
    "header": {"type": "text", "text": "Your parcel"},
    "body": {"text": "Shall we come?"},
    "footer": {"text": "Harbour Books"},
    "action": {"buttons": [{"type": "reply", "reply": {"id": "yes", "title": "Yes"}}]},
}
ROWS = [{"id": "am", "title": "Morning", "description": "8 to 12"}]
LIST = {
    "type": "list",
    "body": {"text": "When?"},
    "action": {"button": "Choose", "sections": [{"rows": ROWS}]},
}
LINK = {"display_text": "Track it", "url": "https://harbour.test/A-1044"}
CTA = {
    "type": "cta_url",
    "body": {"text": "Where it is:"},
    "action": {"name": "cta_url", "parameters": LINK},
}
WHERE = {
    "type": "location_request_message",
    "body": {"text": "Where to?"},
    "action": {"name": "send_location"},
}
CARD = {"name": {"formatted_name": "Priya Nair", "first_name": "Priya"}}
PLACE = {"latitude": 51.4779, "longitude": -0.0015, "name": "Harbour Books", "address": "1 Pier Road"}
YES = {
    "type": "interactive",
    "interactive": {"type": "button_reply", "button_reply": {"id": "yes", "title": "Yes"}},
}
MORNING = {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": ROWS[0]}}
TEMPLATES: list[dict[str, Any]] = [
    {
        "name": "shipped",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Order {{1}}"},
            {"type": "BODY", "text": "Hi {{1}}, order {{2}} has left."},
            {"type": "FOOTER", "text": "Harbour Books"},
            {
                "type": "BUTTONS",
                "buttons": [
                    {"type": "QUICK_REPLY", "text": "Thanks"},
                    {"type": "URL", "text": "Track it", "url": "https://harbour.test/{{1}}"},
                ],
            },
        ],
    },
    {
        "name": "code",
        "category": "AUTHENTICATION",
        "components": [
            {"type": "BODY", "text": "*{{1}}* is your verification code."},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Copy code", "url": OTP + "{{1}}"}]},
        ],
    },
]


def text_parameter(value: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": value}]


def url_button(index: int, value: str) -> dict[str, Any]:
    return {"type": "button", "sub_type": "url", "index": str(index), "parameters": text_parameter(value)}


def template(name: str, *components: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "language": {"code": "en_US"}, "components": [*components]}


async def chat(meta: Meta, user: str = USER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await meta.look(f"chats?user={user}"))["data"]
    return found


async def last(meta: Meta) -> dict[str, Any]:
    """What the phone shows last, without what differs from run to run."""
    message = (await chat(meta))[-1]
    return {
        name: value
        for name, value in message.items()
        if name not in {"wamid", "at", "status", "sender", "type"}
    }


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        ("text", {"body": "Hello *you*"}, {"text": "Hello *you*"}),
        ("location", PLACE, {"text": "📍 Harbour Books, 1 Pier Road (51.4779, -0.0015)"}),
        ("contacts", [CARD], {"text": "👤 Priya Nair"}),
        (
            "image",
            {"link": "https://harbour.test/box.png", "caption": "A box"},
            {"text": "A box", "file": {"kind": "image", "link": "https://harbour.test/box.png"}},
        ),
        (
            "interactive",
            BUTTONS,
            {
                "header": "Your parcel",
                "text": "Shall we come?",
                "footer": "Harbour Books",
                "buttons": [{"text": "Yes", "kind": "reply", "reply": YES}],
            },
        ),
        (
            "interactive",
            LIST,
            {
                "text": "When?",
                "buttons": [{"text": "Morning", "kind": "reply", "description": "8 to 12", "reply": MORNING}],
            },
        ),
        (
            "interactive",
            CTA,
            {
                "text": "Where it is:",
                "buttons": [{"text": "Track it", "kind": "url", "address": "https://harbour.test/A-1044"}],
            },
        ),
    ],
)
async def test_a_phone_shows_what_was_sent(
    meta: Meta, kind: str, content: Any, shown: dict[str, Any]
) -> None:
    sent = await meta.post({"messaging_product": "whatsapp", "to": USER, "type": kind, kind: content})
    assert sent.status == 200, sent.body
    assert await last(meta) == shown


async def test_it_fills_templates_in(meta: Meta) -> None:
    await meta.control("templates", {"waba_id": WABA, "templates": TEMPLATES})
    parts = [
        {"type": "header", "parameters": text_parameter("A-1044")},
        {"type": "body", "parameters": [*text_parameter("Priya"), *text_parameter("#A-1044")]},
        url_button(1, "track/1"),
    ]
    payload = {"messaging_product": "whatsapp", "to": USER, "type": "template"}
    await meta.post(payload | {"template": template("shipped", *parts)})
    pressed = {"type": "button", "button": {"text": "Thanks", "payload": "Thanks"}}
    assert await last(meta) == {
        "header": "Order A-1044",
        "text": "Hi Priya, order #A-1044 has left.",
        "footer": "Harbour Books",
        "buttons": [
            {"text": "Thanks", "kind": "reply", "reply": pressed},
            {"text": "Track it", "kind": "url", "address": "https://harbour.test/track/1"},
        ],
    }
    parts = [{"type": "body", "parameters": text_parameter("482913")}, url_button(0, "482913")]
    await meta.post(payload | {"template": template("code", *parts)})
    assert await last(meta) == {
        "text": "*482913* is your verification code.",
        "buttons": [{"text": "Copy code", "kind": "copy", "code": "482913"}],
    }


async def test_an_unknown_template_is_named(meta: Meta) -> None:
    body = {"type": "body", "parameters": text_parameter("Priya")}
    payload = {"messaging_product": "whatsapp", "to": USER, "type": "template"}
    await meta.post(payload | {"template": template("anything", body)})
    assert await last(meta) == {"text": "Template anything (en_US): Priya"}


@pytest.mark.parametrize(
    ("content", "place"), [(BUTTONS, "interactive"), (LIST, "interactive"), (WHERE, "location")]
)
async def test_what_a_button_sends_is_what_the_callback_gets(
    meta: Meta, hook: Receiver, content: dict[str, Any], place: str
) -> None:
    payload = {"messaging_product": "whatsapp", "to": USER, "type": "interactive", "interactive": content}
    await meta.post(payload)
    [message] = await chat(meta)
    reply = message["buttons"][0]["reply"]
    order = {"phone_number_id": NUMBER, "from": USER, **reply, "context": {"id": message["wamid"]}}
    assert (await meta.control("inbound", order))["ok"]
    [received] = hook.messages()
    assert received["type"] == place
    assert received[place] == reply[place]
    assert received["context"]["id"] == message["wamid"]
    assert [item["sender"] for item in await chat(meta)] == ["business", "user"]
    assert (await chat(meta))[1]["context"] == message["wamid"]


async def test_a_chat_has_names_statuses_reactions_and_read_marks(meta: Meta, hook: Receiver) -> None:
    asked = await meta.control(
        "inbound", {"phone_number_id": NUMBER, "from": USER, "profile_name": "Ana", "body": "Hi"}
    )
    answered = (await meta.send(USER)).body["messages"][0]["id"]
    await meta.post({"messaging_product": "whatsapp", "status": "read", "message_id": asked["wamid"]})
    thumb = {"message_id": answered, "emoji": "👍"}
    await meta.control(
        "inbound", {"phone_number_id": NUMBER, "from": USER, "type": "reaction", "reaction": thumb}
    )
    heart = {"message_id": asked["wamid"], "emoji": "❤️"}
    await meta.post({"messaging_product": "whatsapp", "to": USER, "type": "reaction", "reaction": heart})
    failed = (await meta.send("+1 555 010 0003")).body["messages"][0]["id"]
    await hook.climbed(answered, "sent", "delivered", "read")
    await hook.climbed(failed, "failed")

    question, answer = await chat(meta, "+1 650 555 1234")
    assert (question["sender"], question["status"], question["reactions"]) == (
        "user",
        "read",
        {"business": "❤️"},
    )
    assert (answer["sender"], answer["status"], answer["reactions"]) == ("business", "read", {"user": "👍"})
    [undelivered] = await chat(meta, "15550100003")
    assert (undelivered["status"], undelivered["error"].partition(":")[0]) == ("failed", "131026")
    chats = (await meta.look("chats"))["data"]
    assert [(item["user"], item["name"], item["messages"]) for item in chats] == [
        ("15550100003", None, 1),
        (USER, "Ana", 2),
    ]


async def test_a_reaction_taken_back_is_gone(meta: Meta) -> None:
    sent = (await meta.send(USER)).body["messages"][0]["id"]
    for emoji in ("👍", ""):
        mark = {"message_id": sent, "emoji": emoji}
        order = {"phone_number_id": NUMBER, "from": USER, "type": "reaction", "reaction": mark}
        await meta.control("inbound", order)
    assert "reactions" not in (await chat(meta))[0]


async def test_files_of_both_sides_are_shown_without_a_token(meta: Meta) -> None:
    media_id = await meta.upload()
    image = {"messaging_product": "whatsapp", "to": USER, "type": "image", "image": {"id": media_id}}
    await meta.post(image)
    await meta.control("inbound", {"phone_number_id": NUMBER, "from": USER, "type": "document"})
    sent, received = [message["file"] for message in await chat(meta)]
    assert (sent["kind"], received["kind"]) == ("image", "document")
    answered = await meta.call("GET", f"/_phone/media/{sent['id']}")
    assert (answered.raw, answered.headers["content-type"]) == (PIXEL, "image/png")
    assert "content-disposition" not in answered.headers
    answered = await meta.call("GET", f"/_phone/media/{received['id']}")
    assert answered.headers["content-disposition"] == "attachment"
    assert (await meta.call("GET", "/_phone/media/1")).status == 404


@pytest.mark.parametrize("path", ["/", "/_phone/page.css", "/_phone/page.js"])
async def test_the_page_asks_no_other_host(meta: Meta, path: str) -> None:
    answered = await meta.call("GET", path)
    assert answered.status == 200
    assert answered.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert b"http://" not in answered.raw
    assert b"https://" not in answered.raw


async def test_a_chat_of_an_unknown_number_is_refused(meta: Meta) -> None:
    answered = await meta.call("GET", f"/_control/chats?user={USER}&phone_number_id=1")
    assert (answered.status, answered.body) == (404, {"error": "no such phone_number_id: 1"})
