"""POST /messages/interactive, through the door the client uses."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.test_messages_text import PHONE, rows
from tests.serving import Answer, Api, graph_requests

PATH = "/api/v2/messages/interactive"
BUTTONS = {
    "phone": PHONE,
    "type": "button",
    "header_text": "For @{contact_first_name|you}",
    "body_text": "Shall we come tomorrow?",
    "footer_text": "Harbour Books",
    "buttons": [{"id": "yes", "title": "Yes"}, {"id": "no", "title": "No"}],
}
LIST = {
    "phone": PHONE,
    "type": "list",
    "body_text": "When?",
    "list_button_text": "Choose",
    "sections": [{"title": "Monday", "rows": [{"id": "am", "title": "Morning", "description": "8 to 12"}]}],
}
CATALOG = {"phone": PHONE, "body_text": "Books", "catalog_id": "36"}
OTHERS: list[dict[str, Any]] = [
    {"phone": PHONE, "type": "cta_url", "body_text": "x", "button_text": "Open", "button_url": "https://a.test"},
    {"phone": PHONE, "type": "location_request", "body_text": "Where?"},
    {"phone": PHONE, "type": "flow", "body_text": "x", "flow_id": "12", "flow_button_text": "Book"},
    CATALOG | {"type": "product", "product_retailer_id": "a"},
    CATALOG | {"type": "product_list", "header_text": "x", "sections": [{"product_retailer_ids": ["a"]}]},
    {"phone": PHONE, "type": "catalog_message", "body_text": "Books"},
    CATALOG | {"type": "product_carousel", "product_retailer_ids": ["a", "b"]},
]  # fmt: skip


async def _send(api: Api, body: dict[str, Any], **options: Any) -> Answer:
    return await api.acme.post(PATH, body, **options)


async def test_it_sends_buttons_and_answers_as_the_contract_says(api: Api, database: Database) -> None:
    answer = await _send(api, BUTTONS)
    assert answer.status == 200
    data = answer.data
    assert data["message_id"].startswith("wamid.")
    assert data == {
        "message_id": data["message_id"],
        "contact_id": data["contact_id"],
        "phone": "442079460011",
        "type": "button",
        "status": "sent",
        "sent_at": data["sent_at"],
        "chat_id": data["chat_id"],
        "chat_message_id": data["chat_message_id"],
    }
    [request] = await graph_requests(api)
    assert request["body"]["interactive"] == {
        "type": "button",
        "header": {"type": "text", "text": "For you"},
        "body": {"text": "Shall we come tomorrow?"},
        "footer": {"text": "Harbour Books"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "yes", "title": "Yes"}},
                {"type": "reply", "reply": {"id": "no", "title": "No"}},
            ]
        },
    }
    [message] = await rows(database, "select type, text from messages")
    assert tuple(message) == ("interactive", "Shall we come tomorrow?")


async def test_it_sends_a_list(api: Api) -> None:
    assert (await _send(api, LIST)).data["type"] == "list"
    [request] = await graph_requests(api)
    assert request["body"]["interactive"]["action"] == {
        "button": "Choose",
        "sections": [
            {"title": "Monday", "rows": [{"id": "am", "title": "Morning", "description": "8 to 12"}]}
        ],
    }


@pytest.mark.parametrize("body", OTHERS, ids=lambda body: str(body["type"]))
async def test_it_sends_the_other_kinds(api: Api, body: dict[str, Any]) -> None:
    answer = await _send(api, body)
    assert (answer.status, answer.data["type"]) == (200, body["type"])
    tried = (await _send(api, body | {"dry_run": True})).data
    [request] = await graph_requests(api)
    assert (tried["type"], tried["problems"]) == ("interactive", [])
    assert tried["payload"]["interactive"] == request["body"]["interactive"]


async def test_it_is_found_among_the_messages(api: Api) -> None:
    sent = (await _send(api, LIST)).data
    listed = (await api.acme.get("/api/v2/messages?filter[type]=interactive&search=When")).data
    assert [(item["id"], item["message"]) for item in listed] == [(sent["chat_message_id"], "When?")]


async def test_it_names_every_wrong_field_and_stores_nothing(api: Api, database: Database) -> None:
    body = BUTTONS | {
        "phone": "",
        "buttons": [{"id": "a", "title": "One"}, {"id": "a", "title": "x" * 21}],
        "x": 1,
    }
    answer = await _send(api, body)
    assert (answer.status, answer.code) == (422, "VALIDATION_ERROR")
    assert answer.details == {
        "phone": ["Phone number is required"],
        "buttons.1.id": ["The buttons.1.id field has a duplicate value"],
        "buttons.1.title": ["The buttons.1.title field must not be greater than 20 characters"],
    }
    assert answer.body["meta"]["ignored"] == [{"field": "x"}]
    assert await rows(database, "select from messages union all select from contacts") == []


async def test_a_text_that_grows_too_long_by_merging_is_refused(api: Api, database: Database) -> None:
    await api.acme.send(PHONE)
    await rows(database, "update contacts set firstname = repeat('x', 57)")
    answer = await _send(api, BUTTONS)
    assert (answer.status, answer.details) == (
        422,
        {"header_text": ["The header_text must not be greater than 60 characters after merging"]},
    )


async def test_a_key_gives_the_first_answer_again(api: Api) -> None:
    key = {"Idempotency-Key": "order-7"}
    first = await _send(api, BUTTONS, headers=key)
    second = await _send(api, BUTTONS, headers=key)
    assert second.body == first.body
    assert second.headers["idempotent-replayed"] == "true"
    assert len(await graph_requests(api)) == 1


async def test_a_request_that_died_is_answered_from_what_is_stored(api: Api, database: Database) -> None:
    key = {"Idempotency-Key": "order-8"}
    first = await _send(api, LIST, headers=key)
    # Its holder died after storing the message and before keeping the answer.
    await rows(
        database,
        "update idempotency_keys set status = null, body = null, locked_until = now()",
    )
    second = await _send(api, LIST, headers=key)
    assert second.data == first.data
    assert len(await graph_requests(api)) == 1
