"""Interactive messages with files of ours, through the door the client uses."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests import samples
from tests.api.v2.media_calls import send_file, sent_bodies, uploads
from tests.api.v2.test_messages_interactive import BUTTONS, PATH
from tests.api.v2.test_messages_text import rows
from tests.serving import Api, Client

HEADED = {name: value for name, value in BUTTONS.items() if name != "header_text"}
ABSENT = ["The media does not exist"]


async def _keep(client: Client, database: Database, content: bytes, **fields: str) -> int:
    """Have a file stored by sending it, and return its id."""
    await send_file(client, content, **fields)
    return int((await rows(database, "select max(id) as id from media"))[0]["id"])


async def test_a_picture_of_ours_is_the_header(api: Api, database: Database) -> None:
    media_id = await _keep(api.acme, database, samples.picture("PNG"))
    answer = await api.acme.post(PATH, HEADED | {"header_media_id": media_id})
    assert answer.status == 200, answer.body
    graph_id = (await sent_bodies(api))[0]["image"]["id"]
    assert (await sent_bodies(api))[1]["interactive"]["header"] == {
        "type": "image",
        "image": {"id": graph_id},
    }
    assert len(await uploads(api)) == 1


async def test_the_cards_of_a_carousel_have_pictures_of_ours(api: Api, database: Database) -> None:
    media_id = await _keep(api.acme, database, samples.picture("PNG"))
    card: dict[str, Any] = {"header_media_id": media_id, "buttons": [{"id": "a", "title": "A"}]}
    body = {"phone": BUTTONS["phone"], "type": "carousel", "body_text": "New:", "cards": [card, card]}
    answer = await api.acme.post(PATH, body)
    assert (answer.status, answer.data["type"]) == (200, "carousel")
    cards = (await sent_bodies(api))[1]["interactive"]["action"]["cards"]
    assert {card["header"]["type"] for card in cards} == {"image"}


async def test_absent_files_and_strangers_are_named_alike(api: Api, database: Database) -> None:
    theirs = await _keep(api.globex, database, samples.picture("PNG"))
    for media_id in (theirs, 999_999):
        answer = await api.acme.post(PATH, HEADED | {"header_media_id": media_id})
        assert (answer.status, answer.details) == (422, {"header_media_id": ABSENT})
        cards = [{"header_media_id": media_id, "buttons": [{"id": "a", "title": "A"}]}] * 2
        body = {"phone": BUTTONS["phone"], "type": "carousel", "body_text": "New:", "cards": cards}
        answer = await api.acme.post(PATH, body)
        assert answer.details == {f"cards.{index}.header_media_id": ABSENT for index in range(2)}


@pytest.mark.parametrize("is_dry", [False, True])
async def test_a_file_of_another_kind_is_refused(api: Api, database: Database, *, is_dry: bool) -> None:
    media_id = await _keep(api.acme, database, samples.picture("PNG"))
    await rows(database, "update media set kind = 'sticker'")
    answer = await api.acme.post(PATH, HEADED | {"header_media_id": media_id, "dry_run": is_dry})
    assert answer.status == 422
    assert answer.details == {
        "header_media_id": ["The media must be one of document, image, video, not sticker"]
    }


async def test_a_dry_run_names_the_file_that_would_be_uploaded(api: Api, database: Database) -> None:
    media_id = await _keep(api.acme, database, samples.picture("PNG"))
    answer = await api.acme.post(PATH, HEADED | {"header_media_id": media_id, "dry_run": True})
    header = answer.data["payload"]["interactive"]["header"]
    assert header == {"type": "image", "image": {"id": f"(uploaded when sent: media {media_id})"}}
