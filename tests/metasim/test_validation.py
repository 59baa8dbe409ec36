from typing import Any

import pytest

from .conftest import NUMBER, USER, Meta

TEXT: dict[str, Any] = {"messaging_product": "whatsapp", "to": USER, "type": "text", "text": {"body": "hi"}}
NAMES = (
    "AUDIO, CONTACTS, DOCUMENT, GIF, IMAGE, INTERACTIVE, LINK_PREVIEW, LOCATION, PIN, REACTION, STICKER,"
    " TEMPLATE, TEXT, VIDEO"
)


def with_(**changes: Any) -> dict[str, Any]:
    return {key: value for key, value in {**TEXT, **changes}.items() if value is not ...}


def typed(kind: str, content: Any) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": USER, "type": kind, kind: content}


def buttons(*titles: str) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": str(i), "title": title}} for i, title in enumerate(titles)]
    return typed("interactive", {"type": "button", "body": {"text": "?"}, "action": {"buttons": replies}})


def rows(count: int) -> dict[str, Any]:
    listed = [{"id": str(i), "title": f"Row {i}"} for i in range(count)]
    action = {"button": "Choose", "sections": [{"title": "All", "rows": listed}]}
    return typed("interactive", {"type": "list", "body": {"text": "?"}, "action": action})


def error(code: int, message: str, details: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code}
    if details is not None:
        body["error_data"] = {"messaging_product": "whatsapp", "details": details}
    return body


MALFORMED = "The phone number is malformed: Please use the format: +1234567890."
NOT_VALID = "Parameter value is not valid"

REFUSALS: dict[str, tuple[Any, dict[str, Any]]] = {
    "no product": (
        with_(messaging_product=...),
        error(100, "The parameter messaging_product is required."),
    ),
    "wrong product": (
        with_(messaging_product="sms"),
        error(100, 'Param messaging_product must be one of {WHATSAPP} - got "sms".'),
    ),
    "no recipient": (with_(to=...), error(100, "The parameter to is required.")),
    "recipient of a wrong type": (with_(to=["1"]), error(100, "Param to must be a string.")),
    "letters for a recipient": (with_(to="nobody"), error(131009, NOT_VALID, MALFORMED)),
    "too short a recipient": (with_(to="+123"), error(131009, NOT_VALID, MALFORMED)),
    "bad user id": (
        with_(to=..., recipient="13491208655302741918"),
        error(131009, NOT_VALID, "The business-scoped user ID is malformed."),
    ),
    "sender as recipient": (
        with_(to="+1 (555) 078-3881"),
        error(131021, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    ),
    "unknown type": (with_(type="jpeg"), error(100, f'Param type must be one of {{{NAMES}}} - got "jpeg".')),
    "no text": (with_(text=...), error(100, "The parameter text is required.")),
    "text of a wrong type": (with_(text="hi"), error(100, "Param text must be a JSON object.")),
    "no body": (with_(text={}), error(100, "The parameter text['body'] is required.")),
    "empty body": (with_(text={"body": ""}), error(100, "The parameter text['body'] is required.")),
    "body of a wrong type": (with_(text={"body": 5}), error(100, "Param text['body'] must be a string.")),
    "4097 characters": (
        with_(text={"body": "x" * 4097}),
        error(100, "Param text['body'] must be at most 4096 characters long."),
    ),
    "unexpected key": (
        with_(text={"body": "x", "colour": "red"}),
        error(100, 'Unexpected key "colour" on param "text".'),
    ),
    "bad preview flag": (
        with_(text={"body": "x", "preview_url": "maybe"}),
        error(100, "Param text['preview_url'] must be a boolean."),
    ),
    "long callback data": (
        with_(biz_opaque_callback_data="x" * 513),
        error(100, "Param biz_opaque_callback_data must be at most 512 characters long."),
    ),
    "context without a message": (
        with_(context={}),
        error(100, "The parameter context['message_id'] is required."),
    ),
    "neither id nor link": (
        typed("image", {"caption": "x"}),
        error(100, "Invalid parameter", "Either one of media ID or link must be present in image"),
    ),
    "caption on a sticker": (
        typed("sticker", {"id": "1", "caption": "x"}),
        error(100, 'Unexpected key "caption" on param "sticker".'),
    ),
    "file name on an image": (
        typed("image", {"id": "1", "filename": "x"}),
        error(100, 'Unexpected key "filename" on param "image".'),
    ),
    "longitude missing": (
        typed("location", {"latitude": "37.4"}),
        error(100, "The parameter location['longitude'] is required."),
    ),
    "contact without a name": (
        typed("contacts", [{"phones": []}]),
        error(100, "The parameter contacts[0]['name'] is required."),
    ),
    "reaction to nothing": (
        typed("reaction", {"emoji": "x"}),
        error(100, "The parameter reaction['message_id'] is required."),
    ),
    "long button title": (
        buttons("x" * 21),
        error(131009, NOT_VALID, "Button title length invalid. Min length: 1, Max length: 20"),
    ),
    "four buttons": (
        buttons("a", "b", "c", "d"),
        error(131009, NOT_VALID, "Invalid buttons count. Min allowed buttons: 1, Max allowed buttons: 3"),
    ),
    "the same button twice": (buttons("a", "a"), error(131009, NOT_VALID, "Duplicated button title found.")),
    "eleven rows": (
        rows(11),
        error(131009, NOT_VALID, "Total row count exceed max allowed count: 10, row count: 11"),
    ),
    "template without a language": (
        typed("template", {"name": "x"}),
        error(100, "The parameter template['language'] is required."),
    ),
    "empty template parameter": (
        typed(
            "template",
            {
                "name": "x",
                "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": ""}]}],
            },
        ),
        error(100, "Invalid parameter", "Parameter 'text' is mandatory for component parameter type 'text'"),
    ),
    "read receipt for nothing": (
        {"messaging_product": "whatsapp", "status": "read"},
        error(100, "The parameter message_id is required."),
    ),
    "read receipt for a bad wamid": (
        {"messaging_product": "whatsapp", "status": "read", "message_id": "abc"},
        error(131009, NOT_VALID, "The message ID is not valid."),
    ),
}


@pytest.mark.parametrize(("payload", "expected"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_it_refuses(meta: Meta, payload: Any, expected: dict[str, Any]) -> None:
    answered = await meta.post(payload)
    trace = answered.body["error"].pop("fbtrace_id")
    assert answered.body == {"error": expected}
    assert answered.status == 400
    assert len(trace) == 23
    assert (await meta.look("health"))["accepted"] == 0


ACCEPTED: dict[str, Any] = {
    "no type": with_(type=...),
    "4096 characters": with_(text={"body": "x" * 4096}),
    "a preview": with_(text={"body": "https://x.test", "preview_url": True}),
    "a reply": with_(context={"message_id": "wamid.HBgTEST1"}),
    "an image by link": typed("image", {"link": "https://x.test/a.png", "caption": "x"}),
    "a document": typed("document", {"link": "https://x.test/a.pdf", "filename": "a.pdf"}),
    "a voice message": typed("audio", {"link": "https://x.test/a.ogg", "voice": True}),
    "a sticker": typed("sticker", {"link": "https://x.test/a.webp"}),
    "a location": typed("location", {"latitude": "37.4", "longitude": -122.1}),
    "a contact": typed("contacts", [{"name": {"formatted_name": "Ana"}}]),
    "a reaction": typed("reaction", {"message_id": "wamid.HBgTEST1", "emoji": ""}),
    "buttons": buttons("Yes", "No"),
    "a list": rows(10),
    "a link button": typed(
        "interactive",
        {
            "type": "cta_url",
            "body": {"text": "?"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Go", "url": "https://x.test"}},
        },
    ),
    "a template": typed("template", {"name": "x", "language": {"code": "en"}}),
    "a group message": with_(recipient_type="group", to="Y2FwaV9ncm91cDo"),
}


@pytest.mark.parametrize("payload", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_it_accepts(meta: Meta, payload: Any) -> None:
    answered = await meta.post(payload)
    assert answered.status == 200, answered.body
    assert answered.body["messages"][0]["id"].startswith("wamid.")


async def test_an_answer_has_the_documented_shape(meta: Meta) -> None:
    answered = await meta.send("+1 (650) 555-1234")
    wamid = answered.body["messages"][0]["id"]
    assert answered.body == {
        "messaging_product": "whatsapp",
        "contacts": [{"input": "+1 (650) 555-1234", "wa_id": "16505551234"}],
        "messages": [{"id": wamid}],
    }
    assert answered.headers["facebook-api-version"] == "v24.0"
    for name in ("x-business-use-case-usage", "x-app-usage", "x-fb-request-id"):
        assert answered.headers[name]


async def test_a_user_id_alone_is_a_recipient(meta: Meta) -> None:
    answered = await meta.post(with_(to=..., recipient="US.13491208655302741918"))
    assert answered.body["contacts"] == [
        {"input": "US.13491208655302741918", "user_id": "US.13491208655302741918"}
    ]


async def test_a_phone_number_wins_over_a_user_id(meta: Meta) -> None:
    answered = await meta.post(with_(recipient="US.13491208655302741918"))
    assert answered.body["contacts"] == [
        {"input": USER, "wa_id": "16505551234", "user_id": "US.13491208655302741918"}
    ]


@pytest.mark.parametrize(
    ("to", "wa_id"),
    [("+5511987654321", "551187654321"), ("+525512345678", "5215512345678"), ("+4915112345678",) * 2],
)
async def test_it_rewrites_brazilian_and_mexican_numbers(meta: Meta, to: str, wa_id: str) -> None:
    assert (await meta.send(to)).body["contacts"][0]["wa_id"] == wa_id.lstrip("+")


async def test_it_leaves_numbers_alone_when_told(meta: Meta) -> None:
    await meta.control("settings", {"rewrite_wa_id": False})
    assert (await meta.send("+5511987654321")).body["contacts"][0]["wa_id"] == "5511987654321"


async def test_it_takes_a_form(meta: Meta) -> None:
    form = {"messaging_product": "whatsapp", "to": USER, "type": "text", "text": '{"body":"hi"}'}
    answered = await meta.graph("POST", f"{NUMBER}/messages", data=form)
    assert answered.status == 200


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_it_marks_a_message_as_read(meta: Meta, method: str) -> None:
    receipt = {
        "messaging_product": "whatsapp",
        "status": "read",
        "message_id": "wamid.HBgTEST1",
        "typing_indicator": {"type": "text"},
    }
    answered = await meta.graph(method, f"{NUMBER}/messages", json=receipt)
    assert (answered.status, answered.body) == (200, {"success": True})


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[]", b'"text"'])
async def test_it_refuses_a_malformed_body(meta: Meta, raw: bytes) -> None:
    answered = await meta.graph(
        "POST", f"{NUMBER}/messages", data=raw, headers={"Content-Type": "application/json"}
    )
    assert (answered.status, answered.body["error"]["code"]) == (400, 100)
