"""POST /messages/{id}/read, through the door the client uses."""

from urllib.parse import quote

import pytest

from rasl.app import build_resources, running
from rasl.db.pool import Database
from rasl.errors import MessageSendFailed
from rasl.services.sending.read_receipts import mark_read
from tests.api.v2.received import receive
from tests.api.v2.test_messages_text import PHONE, rows
from tests.serving import Api, graph_requests, settings_for

WAMID = "wamid.IN/BOUND+1="


@pytest.mark.parametrize("name", ["id", WAMID, quote(WAMID, safe="")])
@pytest.mark.parametrize("body", [None, {}, {"typing_indicator": False}])
async def test_a_received_message_is_marked_as_read(
    api: Api, database: Database, name: str, body: dict[str, bool] | None
) -> None:
    sent = (await api.acme.send(PHONE)).data
    message_id = await receive(database, sent["chat_id"])
    answer = await api.acme.post(f"/api/v2/messages/{message_id if name == 'id' else name}/read", body)
    assert answer.status == 200, answer.body
    assert answer.body["message"] == "Message marked as read"
    assert answer.data == {
        "message_id": WAMID,
        "contact_id": sent["contact_id"],
        "chat_id": sent["chat_id"],
        "chat_message_id": message_id,
        "typing_indicator": False,
    }
    request = (await graph_requests(api))[1]
    assert request["body"] == {"messaging_product": "whatsapp", "status": "read", "message_id": WAMID}
    assert len(await rows(database, "select from messages")) == 2


async def test_it_can_show_that_an_answer_is_being_written(api: Api, database: Database) -> None:
    message_id = await receive(database, (await api.acme.send(PHONE)).data["chat_id"])
    answer = await api.acme.post(f"/api/v2/messages/{message_id}/read", {"typing_indicator": True})
    assert answer.data["typing_indicator"] is True
    assert (await graph_requests(api))[1]["body"]["typing_indicator"] == {"type": "text"}


async def test_a_message_of_ours_cannot_be_marked(api: Api) -> None:
    sent = (await api.acme.send(PHONE)).data
    for name in (sent["chat_message_id"], sent["message_id"]):
        answer = await api.acme.post(f"/api/v2/messages/{name}/read")
        assert (answer.status, list(answer.details)) == (422, ["message_id"])


async def test_strangers_messages_and_missing_ones_are_not_found(api: Api, database: Database) -> None:
    theirs = await receive(database, (await api.globex.send(PHONE)).data["chat_id"])
    for name in (theirs, WAMID, 999_999, "words", 2**70, "text", "%00"):
        answer = await api.acme.post(f"/api/v2/messages/{name}/read")
        assert (answer.status, answer.code) == (404, "NOT_FOUND"), name
    assert len(await graph_requests(api)) == 1


async def test_it_names_what_is_wrong(api: Api) -> None:
    answer = await api.acme.post("/api/v2/messages/1/read", {"typing_indicator": "soon"})
    assert (answer.status, list(answer.details)) == (422, ["typing_indicator"])


async def test_a_post_to_a_message_itself_is_no_route(api: Api, database: Database) -> None:
    message_id = await receive(database, (await api.acme.send(PHONE)).data["chat_id"])
    for name in (message_id, WAMID, "unread"):
        answer = await api.acme.post(f"/api/v2/messages/{name}", {})
        assert (answer.status, answer.code) == (405, "METHOD_NOT_ALLOWED")


async def test_what_meta_says_against_it_is_answered(api: Api, database: Database) -> None:
    chat_id = (await api.acme.send(PHONE)).data["chat_id"]
    message_id = await receive(database, chat_id, "no id of Meta's")
    answer = await api.acme.post(f"/api/v2/messages/{message_id}/read", {})
    assert (answer.status, answer.code) == (500, "MESSAGE_SEND_FAILED")
    assert answer.details["meta_code"] == 131009
    assert answer.details["cure"]
    assert answer.details["chat_message_id"] == message_id


async def test_meta_out_of_reach_is_answered(api: Api, database: Database, shared_dsn: str) -> None:
    chat_id = (await api.acme.send(PHONE)).data["chat_id"]
    message_id = await receive(database, chat_id)
    nowhere = settings_for("http://127.0.0.1:1")
    async with running(build_resources(nowhere, shared_dsn)) as outbox:
        with pytest.raises(MessageSendFailed) as caught:
            await mark_read(outbox.resources, api.world.acme.tenant_id, str(message_id), is_typing=False)
    assert "may be asked again" in caught.value.message


async def test_it_needs_a_connected_number(api: Api, database: Database) -> None:
    await rows(database, "delete from whatsapp_numbers")
    answer = await api.acme.post("/api/v2/messages/1/read", {})
    assert (answer.status, answer.code) == (422, "WHATSAPP_NOT_CONFIGURED")
