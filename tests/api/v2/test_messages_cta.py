"""POST /messages/cta: the interactive kind `cta_url` by other names."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.codes import rows
from tests.api.v2.templated import ORDER, have
from tests.serving import Answer, Api, graph_requests

PATH, PHONE = "/api/v2/messages/cta", "+442079460011"
LINK = {
    "phone": PHONE,
    "message": "Hi @{contact_first_name|you}, it is on its way",
    "button_text": "Track it",
    "button_url": "https://shop.test/parcels/A-1044?x=1",
    "header_text": "Your parcel",
    "footer_text": "Harbour Books",
}


async def _send(api: Api, headers: dict[str, str] | None = None, **fields: Any) -> Answer:
    return await api.acme.post(PATH, LINK | fields, headers=headers)


async def test_it_is_stored_and_sent_as_the_interactive_kind_is(api: Api, database: Database) -> None:
    answer = await _send(api)
    shown = ("message", "button_text", "button_url", "header_text", "footer_text")
    assert {key: answer.data[key] for key in shown} == {key: LINK[key] for key in shown} | {
        "message": "Hi you, it is on its way"
    }
    assert answer.data.keys() - set(shown) == {
        *("message_id", "contact_id", "phone", "status", "sent_at", "chat_id", "chat_message_id")
    }
    body = {"type": "cta_url", "body_text": LINK["message"]}
    same = {key: value for key, value in LINK.items() if key != "message"} | body
    assert (await api.acme.post("/api/v2/messages/interactive", same)).status == 200
    first, second = await graph_requests(api)
    assert first["body"]["interactive"] == second["body"]["interactive"]
    assert first["body"]["interactive"] == {
        "type": "cta_url",
        "header": {"type": "text", "text": "Your parcel"},
        "body": {"text": "Hi you, it is on its way"},
        "footer": {"text": "Harbour Books"},
        "action": {
            "name": "cta_url",
            "parameters": {"display_text": "Track it", "url": "https://shop.test/parcels/A-1044?x=1"},
        },
    }
    stored = await rows(database, "select type, text, content from messages order by id")
    assert tuple(stored[0]) == tuple(stored[1])


async def test_only_message_and_button_are_needed(api: Api) -> None:
    fields = {"header_text": None, "footer_text": None}
    answer = await _send(api, **fields)
    assert {key: answer.data[key] for key in fields} == fields
    [request] = await graph_requests(api)
    assert request["body"]["interactive"].keys() == {"type", "body", "action"}


LABELS = [
    ("x" * 20, "x" * 20),
    ("x" * 21, "x" * 19 + "…"),
    ("Reserve your table now", "Reserve your table…"),
    ("Book your stay in April!!", "Book your stay in A…"),
    ("\N{GRINNING FACE}" * 25, "\N{GRINNING FACE}" * 19 + "…"),
]


@pytest.mark.parametrize(("given", "sent"), LABELS)
async def test_a_label_beyond_whatsapps_limit_is_shortened_and_strictly_refused(
    api: Api, given: str, sent: str
) -> None:
    answer = await _send(api, button_text=given)
    assert answer.data["button_text"] == sent
    [request] = await graph_requests(api)
    assert request["body"]["interactive"]["action"]["parameters"]["display_text"] == sent
    strict = await _send(api, {"prefer": "handling=strict"}, button_text=given)
    assert strict.status == (200 if given == sent else 422)
    if given != sent:
        assert strict.details == {
            "button_text": ["WhatsApp takes at most 20 characters on a button that opens a page"]
        }


WRONG = [
    ({"message": None}, {"message": ["Message is required"]}),
    (
        {"message": "x" * 1025, "button_text": "x" * 26, "button_url": "shop.test", "footer_text": "x" * 61},
        {
            "message": ["The message field must not be greater than 1024 characters"],
            "button_text": ["The button_text field must not be greater than 25 characters"],
            "button_url": ["The button_url must be a link that starts with http:// or https://"],
            "footer_text": ["The footer_text field must not be greater than 60 characters"],
        },
    ),
    (
        {"button_url": "https://a.test/" + "x" * 2034},
        {"button_url": ["The button_url field must not be greater than 2048 characters"]},
    ),
    (
        {"phone": None, "button_text": None, "button_url": None},
        {
            "phone": ["Phone number is required"],
            "button_text": ["The button_text field is required"],
            "button_url": ["The button_url field is required"],
        },
    ),
]


@pytest.mark.parametrize(("fields", "details"), WRONG, ids=["message", "long", "url", "missing"])
async def test_everything_that_is_wrong_is_named(
    api: Api, database: Database, fields: dict[str, Any], details: dict[str, list[str]]
) -> None:
    answer = await _send(api, **fields)
    assert (answer.status, answer.details) == (422, details)
    assert await rows(database, "select from messages") == []


async def test_the_longest_address_is_stored_read_back_and_sent(api: Api) -> None:
    url = "https://a.test/" + "x" * 2033
    key = {"idempotency-key": "cta-1"}
    first = await _send(api, key, button_url=url)
    again = await _send(api, key, button_url=url)
    assert again.data == first.data
    assert again.data["button_url"] == url
    assert len(await graph_requests(api)) == 1
    assert (await api.acme.get(f"/api/v2/messages/{first.data['chat_message_id']}")).status == 200


async def test_a_fallback_stands_in_for_it(api: Api) -> None:
    await have(api, ORDER)
    fallback = {"template_name": "order_update", "language": "en_GB", "field_1": "a", "field_2": "b"}
    answer = await _send(api, fallback_template=fallback)
    told = {key: answer.data[key] for key in ("sent_as", "template_name", "button_text", "message")}
    assert told == {
        "sent_as": "template",
        "template_name": "order_update",
        "button_text": "Track it",
        "message": LINK["message"],
    }
