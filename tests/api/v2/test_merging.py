"""Merge fields in everything that can hold them, for people with a name and for those who are only a number."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2 import templated
from tests.api.v2.contact_calls import create
from tests.api.v2.media_calls import form, sent_bodies
from tests.samples import PNG
from tests.serving import Api

GREETING = "Hi @{contact_first_name|there}"
NAMED, UNNAMED = "+442079460011", "+442079460012"
BUTTONS = [{"id": "y", "title": "Yes"}]
TEXTS: dict[str, tuple[str, dict[str, Any], tuple[str | int, ...]]] = {
    "message": ("text", {"message": GREETING}, ("text", "body")),
    "body_text": (
        "interactive", {"type": "button", "body_text": GREETING, "buttons": BUTTONS}, ("interactive", "body", "text")),
    "footer_text": (
        "interactive", {"type": "button", "body_text": "?", "footer_text": GREETING, "buttons": BUTTONS},
        ("interactive", "footer", "text")),
    "header_text": (
        "interactive", {"type": "button", "body_text": "?", "header_text": GREETING, "buttons": BUTTONS},
        ("interactive", "header", "text")),
    "field_1": (
        "template", {"template_name": "order_update", "language": "en_GB", "field_1": GREETING, "field_2": "b"},
        ("template", "components", 0, "parameters", 0, "text")),
}  # fmt: skip


def _at(body: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


@pytest.mark.parametrize("field", TEXTS)
async def test_people_without_a_name_are_greeted_by_the_default(api: Api, field: str) -> None:
    await templated.have(api, templated.ORDER)
    await create(api, NAMED)
    path, fields, place = TEXTS[field]
    for phone in (NAMED, UNNAMED, UNNAMED):  # the last one is a contact by then
        answer = await api.acme.post(f"/api/v2/messages/{path}", {"phone": phone, **fields})
        assert answer.status == 200, answer.body
    assert [_at(body, place) for body in await sent_bodies(api)] == ["Hi Priya", "Hi there", "Hi there"]


async def test_captions_are_merged_alike(api: Api) -> None:
    await create(api, NAMED)
    for phone in (NAMED, UNNAMED):
        fields = {"phone": phone, "media_type": "image", "caption": GREETING}
        assert (await api.acme.post("/api/v2/messages/media", data=form(PNG, **fields))).status == 200
    assert [body["image"]["caption"] for body in await sent_bodies(api)] == ["Hi Priya", "Hi there"]


async def test_without_a_default_a_number_is_no_name(api: Api, database: Database) -> None:
    answer = await api.acme.send(UNNAMED, "Hi @{contact_first_name}!")
    assert answer.data["message"] == "Hi !"
    async with database.connection() as db:
        assert await db.fetchval("select firstname from contacts") == UNNAMED[1:]


@pytest.mark.parametrize("field", TEXTS)
async def test_an_unknown_field_with_a_default_is_named_and_nothing_is_sent(api: Api, field: str) -> None:
    await templated.have(api, templated.ORDER)
    path, fields, _ = TEXTS[field]
    wrong = fields | {field: "Hi @{contact_firstname|there}"}
    answer = await api.acme.post(f"/api/v2/messages/{path}", {"phone": NAMED, **wrong})
    assert (answer.status, list(answer.details)) == (422, [field])
    assert "contact_firstname" in answer.details[field][0]
    assert "contact_first_name" in answer.details[field][0]
    assert await sent_bodies(api) == []


async def test_a_field_of_a_card_is_named_by_its_place(api: Api) -> None:
    stored = (await api.acme.post("/api/v2/media", data=form(PNG, media_type="image"))).data
    card = {"header_media_id": stored["id"], "body_text": "ok", "buttons": BUTTONS}
    cards = [card, card | {"body_text": "@{nothing|x}"}]
    body = {"phone": NAMED, "type": "carousel", "body_text": "?", "cards": cards}
    answer = await api.acme.post("/api/v2/messages/interactive", body)
    assert (answer.status, list(answer.details)) == (422, ["cards.1.body_text"]), answer.body


async def test_a_dry_run_shows_the_new_contact_as_it_would_be(api: Api) -> None:
    body = {"phone": UNNAMED, "message": GREETING, "dry_run": True}
    answer = await api.acme.post("/api/v2/messages/text", body)
    assert answer.data["payload"]["text"]["body"] == "Hi there"
    fields = {"phone": UNNAMED, "media_type": "image", "caption": GREETING, "contact[firstname]": "Ana"}
    answer = await api.acme.post("/api/v2/messages/media", data=form(PNG, dry_run="true", **fields))
    assert answer.data["payload"]["image"]["caption"] == "Hi Ana"
