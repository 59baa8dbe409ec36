"""POST /messages/location and /messages/contacts, through the door the client uses."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.test_messages_text import PHONE, rows
from tests.serving import Api, graph_requests

PLACE = {"latitude": 51.4779, "longitude": -0.0015, "name": "Harbour Books", "address": None}
CARD = {
    "name": {"formatted_name": "Priya Nair", "first_name": "Priya"},
    "phones": [{"phone": "+44 20 7946 0012", "wa_id": "442079460012"}],
}
SAMPLES: dict[str, dict[str, Any]] = {"location": PLACE, "contacts": {"contacts": [CARD]}}
NAMES = pytest.mark.parametrize("name", SAMPLES)


@NAMES
async def test_it_is_sent_and_answered_with_its_own_fields(api: Api, database: Database, name: str) -> None:
    answer = await api.acme.post(f"/api/v2/messages/{name}", {"phone": PHONE, **SAMPLES[name]})
    assert answer.status == 200, answer.body
    data = answer.data
    assert data == {
        "message_id": data["message_id"],
        "contact_id": data["contact_id"],
        "phone": "442079460011",
        **SAMPLES[name],
        "status": "sent",
        "sent_at": data["sent_at"],
        "chat_id": data["chat_id"],
        "chat_message_id": data["chat_message_id"],
    }
    [request] = await graph_requests(api)
    sent = {key: value for key, value in PLACE.items() if value} if name == "location" else [CARD]
    assert request["body"][name] == sent
    assert [row["type"] for row in await rows(database, "select type from messages")] == [name]


@NAMES
async def test_a_dry_run_shows_it(api: Api, name: str) -> None:
    body = {"phone": PHONE, **SAMPLES[name], "dry_run": True}
    answer = await api.acme.post(f"/api/v2/messages/{name}", body)
    assert answer.data["would_send"] is True
    assert answer.data["payload"]["type"] == name


@NAMES
async def test_the_worker_has_all_it_needs_to_send_it(api: Api, database: Database, name: str) -> None:
    later = {"prefer": "respond-async"}
    body = {"phone": PHONE, **SAMPLES[name]}
    answer = await api.acme.post(f"/api/v2/messages/{name}", body, headers=later)
    assert (answer.status, answer.data["status"]) == (202, "queued")
    [message] = await rows(database, "select type, content from messages")
    assert message["type"] == name
    assert message["content"]


@pytest.mark.parametrize(
    ("name", "body", "fields"),
    [
        ("location", {}, {"phone", "latitude", "longitude"}),
        ("location", PLACE | {"phone": PHONE, "latitude": 91, "longitude": "x"}, {"latitude", "longitude"}),
        ("contacts", {"phone": "x" * 10}, {"phone", "contacts"}),
        (
            "contacts",
            {"phone": PHONE, "contacts": [{"name": {}}, {"name": "Priya", "phones": [{}]}]},
            {"contacts.0.name.formatted_name", "contacts.1.name", "contacts.1.phones.0.phone"},
        ),
        (
            "contacts",
            {"phone": PHONE, "contacts": [CARD], "context": {"message": 1}},
            {"context.message_id"},
        ),
    ],
)
async def test_it_names_every_wrong_field_and_stores_nothing(
    api: Api, database: Database, name: str, body: dict[str, Any], fields: set[str]
) -> None:
    answer = await api.acme.post(f"/api/v2/messages/{name}", body)
    assert (answer.status, answer.code, set(answer.details)) == (422, "VALIDATION_ERROR", fields)
    assert await rows(database, "select from messages union all select from contacts") == []
