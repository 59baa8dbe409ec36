"""POST /messages/reaction, through the door the client uses."""

from typing import Any

import pytest

from rasl.db.pool import Database
from tests.api.v2.received import receive
from tests.api.v2.test_messages_text import PHONE, rows
from tests.serving import Answer, Api, graph_requests

PATH = "/api/v2/messages/reaction"
ABSENT = {"message_id": ["The message to react to does not exist"]}


async def _react(api: Api, message_id: Any, emoji: Any = "👍", **body: Any) -> Answer:
    return await api.acme.post(PATH, {"message_id": message_id, "emoji": emoji, **body})


@pytest.mark.parametrize("field", ["chat_message_id", "message_id"])
async def test_a_message_is_reacted_to_by_either_of_its_ids(api: Api, field: str) -> None:
    first = (await api.acme.send(PHONE)).data
    answer = await _react(api, first[field])
    assert answer.status == 200, answer.body
    data = answer.data
    assert data == {
        "message_id": data["message_id"],
        "contact_id": first["contact_id"],
        "phone": "442079460011",
        "reacted_message_id": first["message_id"],
        "emoji": "👍",
        "status": "sent",
        "sent_at": data["sent_at"],
        "chat_id": first["chat_id"],
        "chat_message_id": data["chat_message_id"],
    }
    request = (await graph_requests(api))[1]
    assert request["to"] == "442079460011"
    assert request["body"]["reaction"] == {"message_id": first["message_id"], "emoji": "👍"}
    assert "context" not in request["body"]


async def test_a_received_message_is_reacted_to(api: Api, database: Database) -> None:
    chat_id = (await api.acme.send(PHONE)).data["chat_id"]
    message_id = await receive(database, chat_id)
    assert (await _react(api, message_id)).data["reacted_message_id"] == "wamid.IN/BOUND+1="


@pytest.mark.parametrize("emoji", ["", None])
async def test_an_empty_emoji_takes_the_reaction_back(api: Api, emoji: str | None) -> None:
    first = (await api.acme.send(PHONE)).data
    answer = await _react(api, first["message_id"], emoji)
    assert (answer.status, answer.data["emoji"]) == (200, "")
    assert (await graph_requests(api))[1]["body"]["reaction"]["emoji"] == ""


@pytest.mark.parametrize("body", [{"phone": PHONE}, {"contact_id": "own"}])
async def test_a_recipient_may_be_given_too(api: Api, body: dict[str, Any]) -> None:
    first = (await api.acme.send(PHONE)).data
    body = {key: first["contact_id"] if value == "own" else value for key, value in body.items()}
    assert (await _react(api, first["message_id"], **body)).data["chat_id"] == first["chat_id"]


async def test_a_recipient_of_another_conversation_is_refused(api: Api) -> None:
    first = (await api.acme.send(PHONE)).data
    for extra in ({}, {"dry_run": True}):
        answer = await _react(api, first["message_id"], phone="+442079460012", **extra)
        problem = {"message_id": ["The message belongs to another conversation"]}
        if extra:
            assert [item["details"] for item in answer.data["problems"]] == [problem]
        else:
            assert (answer.status, answer.details) == (422, problem)


@pytest.mark.parametrize("name", [1, "wamid.nothing", "words", 2**70])
async def test_the_message_must_exist(api: Api, name: int | str) -> None:
    answer = await _react(api, name)
    assert (answer.status, answer.details) == (422, ABSENT)


async def test_a_strangers_message_does_not_exist(api: Api) -> None:
    theirs = (await api.globex.send(PHONE)).data
    for name in (theirs["chat_message_id"], theirs["message_id"]):
        answer = await _react(api, name)
        assert (answer.status, answer.details) == (422, ABSENT)


async def test_a_message_that_never_left_cannot_be_reacted_to(api: Api) -> None:
    queued = (await api.acme.send(PHONE, headers={"prefer": "respond-async"})).data
    answer = await _react(api, queued["chat_message_id"])
    assert (answer.status, list(answer.details)) == (422, ["message_id"])


async def test_neither_reactions_nor_old_messages_can_be_reacted_to(api: Api, database: Database) -> None:
    first = (await api.acme.send(PHONE)).data
    reaction = (await _react(api, first["message_id"])).data
    answer = await _react(api, reaction["chat_message_id"])
    assert answer.details == {"message_id": ["A reaction cannot be reacted to"]}
    await rows(database, "update messages set created_at = now() - interval '31 days'")
    answer = await _react(api, first["message_id"])
    assert answer.details == {"message_id": ["A message can be reacted to for 30 days"]}


async def test_a_deleted_contacts_message_needs_a_phone(api: Api) -> None:
    first = (await api.acme.send(PHONE)).data
    await api.acme.call("DELETE", f"/api/v2/contacts/{first['contact_id']}")
    answer = await _react(api, first["message_id"])
    assert (answer.status, list(answer.details)) == (422, ["phone"])


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"message_id", "emoji"}),
        ({"message_id": 1}, {"emoji"}),
        ({"message_id": 1, "emoji": "ok"}, {"emoji"}),
        ({"message_id": 1, "emoji": "👍👍", "phone": "1"}, {"emoji", "phone"}),
        ({"message_id": 1, "emoji": "👍", "context": {"message_id": 1}}, {"context"}),
        ({"message_id": True, "emoji": 5}, {"message_id", "emoji"}),
        ({"message_id": "a\x00", "emoji": "👍"}, {"message_id"}),
    ],
)
async def test_it_names_every_wrong_field(api: Api, body: dict[str, Any], fields: set[str]) -> None:
    answer = await api.acme.post(PATH, body)
    assert (answer.status, set(answer.details)) == (422, fields)


async def test_a_dry_run_needs_no_recipient_either(api: Api) -> None:
    first = (await api.acme.send(PHONE)).data
    answer = await _react(api, first["message_id"], dry_run=True)
    assert answer.data["would_send"] is True
    assert answer.data["payload"]["to"] == "+442079460011"


async def test_a_key_gives_the_first_answer_again(api: Api, database: Database) -> None:
    key = {"Idempotency-Key": "thumb"}
    first = (await api.acme.send(PHONE)).data
    body = {"message_id": first["message_id"], "emoji": "👍"}
    answers = [await api.acme.post(PATH, body, headers=key)]
    # As a process leaves it that died after committing the message and before storing its answer.
    await rows(database, "update idempotency_keys set status = null, body = null, locked_until = now()")
    answers.append(await api.acme.post(PATH, body, headers=key))
    assert answers[0].data == answers[1].data
    assert len(await graph_requests(api)) == 2
